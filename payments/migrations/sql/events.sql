-- Events, the outbox, and the triggers that write it.

-- Changes of the four busiest tables wait for each other in the order in which a webhook locks them.
SET LOCAL statement_timeout = 0;
LOCK TABLE accounts_user IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE payments_wallet, payments_transaction, payments_posting, payments_webhookevent IN ACCESS EXCLUSIVE MODE;

-- What the relay has not seen of a source, and PostgreSQL's names of who might still commit some of it.
ALTER TABLE payments_eventsource
    ALTER gaps TYPE int8multirange USING gaps::int8multirange,
    ALTER watched TYPE int8multirange USING watched::int8multirange,
    ALTER writers TYPE text[] USING writers::text[];

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_event
    FOR EACH ROW EXECUTE FUNCTION till_refuse('an event stays as it was told');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_event
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('an event stays as it was told');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_outboxevent
    FOR EACH ROW EXECUTE FUNCTION till_refuse('an event stays as it was told');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_outboxevent
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('an event stays as it was told');


-- A change and its event are one database transaction, whoever makes the change. A WHEN clause is evaluated without a
-- call, so what is no event pays next to nothing.

CREATE FUNCTION till_wallet_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_outboxevent (type, data) VALUES ('wallet.opened',
        jsonb_build_object('wallet', NEW.id, 'user', NEW.owner_id, 'currency', NEW.currency_id));
    RETURN NULL;
END $$;
CREATE TRIGGER tells_of_opening AFTER INSERT ON payments_wallet FOR EACH ROW
    WHEN (NEW.owner_id IS NOT NULL) EXECUTE FUNCTION till_wallet_event();

-- A settled order never changes again, so its row tells the rest. The slug of a provider may change.
CREATE FUNCTION till_order_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_outboxevent (type, data) VALUES (
        TG_ARGV[0] || '.' || CASE
            WHEN NEW.status = 'pending' THEN 'created'
            WHEN NEW.status = 'rejected' AND NEW.reason = 'expired' AND NEW.settled_by_id IS NULL THEN 'expired'
            ELSE NEW.status END,
        jsonb_build_object('id', NEW.id,
            'provider', (SELECT slug FROM payments_provider WHERE id = NEW.provider_id)));
    RETURN NULL;
END $$;
CREATE TRIGGER tells_of_creation AFTER INSERT ON payments_deposit FOR EACH ROW
    EXECUTE FUNCTION till_order_event('deposit');
CREATE TRIGGER tells_of_settlement AFTER UPDATE OF status ON payments_deposit FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION till_order_event('deposit');
CREATE TRIGGER tells_of_creation AFTER INSERT ON payments_withdrawal FOR EACH ROW
    EXECUTE FUNCTION till_order_event('withdrawal');
CREATE TRIGGER tells_of_settlement AFTER UPDATE OF status ON payments_withdrawal FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION till_order_event('withdrawal');

-- Ids and the role: never an email or a name. A user who is deleted is anonymised, or the row goes.
CREATE FUNCTION till_user_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed accounts_user := coalesce(OLD, NEW);
BEGIN
    INSERT INTO payments_outboxevent (type, data) VALUES (TG_ARGV[0],
        jsonb_build_object('user', changed.id, 'role', changed.role));
    RETURN NULL;
END $$;
CREATE TRIGGER tells_of_registration AFTER INSERT ON accounts_user FOR EACH ROW
    EXECUTE FUNCTION till_user_event('user.registered');
CREATE TRIGGER tells_of_activation AFTER UPDATE OF activated_at ON accounts_user FOR EACH ROW
    WHEN (OLD.activated_at IS NULL AND NEW.activated_at IS NOT NULL)
    EXECUTE FUNCTION till_user_event('user.activated');
CREATE TRIGGER tells_of_disabling AFTER UPDATE OF disabled_at ON accounts_user FOR EACH ROW
    WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL AND NEW.email NOT LIKE '%@deleted.invalid')
    EXECUTE FUNCTION till_user_event('user.disabled');
CREATE TRIGGER tells_of_enabling AFTER UPDATE OF disabled_at ON accounts_user FOR EACH ROW
    WHEN (OLD.disabled_at IS NOT NULL AND NEW.disabled_at IS NULL)
    EXECUTE FUNCTION till_user_event('user.enabled');
CREATE TRIGGER tells_of_anonymising AFTER UPDATE OF email ON accounts_user FOR EACH ROW
    WHEN (OLD.email NOT LIKE '%@deleted.invalid' AND NEW.email LIKE '%@deleted.invalid')
    EXECUTE FUNCTION till_user_event('user.deleted');
CREATE TRIGGER tells_of_deletion AFTER DELETE ON accounts_user FOR EACH ROW
    WHEN (OLD.email NOT LIKE '%@deleted.invalid')
    EXECUTE FUNCTION till_user_event('user.deleted');

-- Of a notice that credits, the posting tells. The provider's slug and currency may change, and so may the reason of
-- an unmatched notice, when it is credited after all.
CREATE FUNCTION till_notice_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_outboxevent (type, data)
    SELECT 'notice.' || NEW.verdict, jsonb_build_object('webhook_event', NEW.id, 'provider', provider.slug,
        'currency', provider.currency_id, 'reason', NEW.reason)
    FROM payments_provider provider WHERE provider.id = NEW.provider_id;
    RETURN NULL;
END $$;
CREATE TRIGGER tells_of_attention AFTER INSERT ON payments_webhookevent FOR EACH ROW
    WHEN (NEW.verdict <> 'credited') EXECUTE FUNCTION till_notice_event();

CREATE FUNCTION till_rate_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_outboxevent (type, data) VALUES ('rate.changed', jsonb_build_object(
        'source_currency', NEW.source_currency_id, 'target_currency', NEW.target_currency_id,
        'rate', NEW.rate::text, 'origin', NEW.origin, 'as_of', NEW.as_of));
    RETURN NULL;
END $$;
CREATE TRIGGER tells_of_rate AFTER INSERT ON payments_exchangerate FOR EACH ROW
    EXECUTE FUNCTION till_rate_event();
CREATE TRIGGER tells_of_change AFTER UPDATE OF rate ON payments_exchangerate FOR EACH ROW
    WHEN (NEW.rate <> OLD.rate) EXECUTE FUNCTION till_rate_event();
