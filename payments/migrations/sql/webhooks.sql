-- Providers, and the events that stand for their notices.

CREATE DOMAIN till_verdict AS varchar(10)
    CONSTRAINT verdict_known CHECK (VALUE IN ('credited', 'unmatched', 'conflict'));
ALTER TABLE payments_webhookevent
    ALTER amount TYPE till_amount,
    ALTER verdict TYPE till_verdict;

-- A notice stays as it was received; only one that found no user or wallet may be decided again.
CREATE TRIGGER settled_stays BEFORE UPDATE ON payments_webhookevent FOR EACH ROW
    WHEN (OLD.verdict <> 'unmatched'
          OR NEW.provider_id <> OLD.provider_id OR NEW.external_id <> OLD.external_id
          OR NEW.user_id <> OLD.user_id OR NEW.account_id <> OLD.account_id OR NEW.amount <> OLD.amount)
    EXECUTE FUNCTION till_refuse('a notice stays as it was received');
-- A transaction id that was forgotten would be credited again.
CREATE TRIGGER kept_for_ever BEFORE DELETE ON payments_webhookevent
    FOR EACH ROW EXECUTE FUNCTION till_refuse('a transaction id is kept for ever');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_webhookevent
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('a transaction id is kept for ever');
CREATE UNIQUE INDEX event_of_transaction ON payments_webhookevent (transaction_id) WHERE transaction_id IS NOT NULL;

-- Workers compare this column with their copy before a credit, so no way of changing a row may leave it as it was.
CREATE FUNCTION till_provider_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER tells_workers BEFORE UPDATE ON payments_provider
    FOR EACH ROW EXECUTE FUNCTION till_provider_changed();
