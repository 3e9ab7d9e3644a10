DROP TRIGGER holds_add_up ON payments_withdrawal;
DROP TRIGGER holds_add_up ON payments_wallet;
DROP FUNCTION till_holds_add_up();

DROP TRIGGER begins_pending ON payments_withdrawal;
DROP TRIGGER settled_once ON payments_withdrawal;
DROP TRIGGER kept_for_ever ON payments_withdrawal;
DROP TRIGGER no_truncate ON payments_withdrawal;
ALTER TABLE payments_withdrawal
    DROP CONSTRAINT withdrawal_wallet_currency,
    DROP CONSTRAINT withdrawal_amount_is_a_number;

DROP TRIGGER begins_pending ON payments_deposit;
DROP TRIGGER settled_once ON payments_deposit;
DROP TRIGGER kept_for_ever ON payments_deposit;
DROP TRIGGER no_truncate ON payments_deposit;
ALTER TABLE payments_deposit
    DROP CONSTRAINT deposit_wallet_currency,
    DROP CONSTRAINT deposit_amount_is_a_number;
