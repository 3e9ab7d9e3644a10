DROP TRIGGER tells_of_rate ON payments_exchangerate;
DROP TRIGGER tells_of_change ON payments_exchangerate;
DROP FUNCTION till_rate_event();

DROP TRIGGER tells_of_attention ON payments_webhookevent;
DROP FUNCTION till_notice_event();

DROP TRIGGER tells_of_registration ON accounts_user;
DROP TRIGGER tells_of_activation ON accounts_user;
DROP TRIGGER tells_of_disabling ON accounts_user;
DROP TRIGGER tells_of_enabling ON accounts_user;
DROP TRIGGER tells_of_anonymising ON accounts_user;
DROP TRIGGER tells_of_deletion ON accounts_user;
DROP FUNCTION till_user_event();

DROP TRIGGER tells_of_creation ON payments_deposit;
DROP TRIGGER tells_of_settlement ON payments_deposit;
DROP TRIGGER tells_of_creation ON payments_withdrawal;
DROP TRIGGER tells_of_settlement ON payments_withdrawal;
DROP FUNCTION till_order_event();

DROP TRIGGER tells_of_opening ON payments_wallet;
DROP FUNCTION till_wallet_event();

DROP TRIGGER append_only ON payments_outboxevent;
DROP TRIGGER no_truncate ON payments_outboxevent;
DROP TRIGGER append_only ON payments_event;
DROP TRIGGER no_truncate ON payments_event;
ALTER TABLE payments_eventsource
    ALTER gaps TYPE varchar USING gaps::varchar,
    ALTER watched TYPE varchar USING watched::varchar,
    ALTER writers TYPE varchar USING writers::varchar;
