-- What came beside the fields of a notice stays too: its currency, its body, its headers.

DROP TRIGGER settled_stays ON payments_webhookevent;
CREATE TRIGGER settled_stays BEFORE UPDATE ON payments_webhookevent FOR EACH ROW
    WHEN (OLD.verdict <> 'unmatched'
          OR NEW.provider_id <> OLD.provider_id OR NEW.external_id <> OLD.external_id
          OR NEW.user_id <> OLD.user_id OR NEW.account_id <> OLD.account_id OR NEW.amount <> OLD.amount
          OR NEW.currency_id IS DISTINCT FROM OLD.currency_id
          OR NEW.body IS DISTINCT FROM OLD.body OR NEW.headers IS DISTINCT FROM OLD.headers)
    EXECUTE FUNCTION till_refuse('a notice stays as it was received');

-- A notice may name its currency.
CREATE OR REPLACE FUNCTION till_notice_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_outboxevent (type, data)
    SELECT 'notice.' || NEW.verdict, jsonb_build_object('webhook_event', NEW.id, 'provider', provider.slug,
        'currency', coalesce(NEW.currency_id, provider.currency_id), 'reason', NEW.reason)
    FROM payments_provider provider WHERE provider.id = NEW.provider_id;
    RETURN NULL;
END $$;
