-- Deposits, withdrawals, and the holds of pending withdrawals.

-- An order is on a wallet of its own currency. It begins pending, is settled once, and keeps all else as it was made.
ALTER TABLE payments_deposit
    ADD CONSTRAINT deposit_wallet_currency FOREIGN KEY (wallet_id, currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT deposit_amount_is_a_number CHECK (amount <> 'NaN');
CREATE TRIGGER begins_pending BEFORE INSERT ON payments_deposit FOR EACH ROW
    WHEN (NEW.status <> 'pending')
    EXECUTE FUNCTION till_refuse('an order begins pending');
CREATE TRIGGER settled_once BEFORE UPDATE ON payments_deposit FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON payments_deposit
    FOR EACH ROW EXECUTE FUNCTION till_refuse('orders stay; reject it');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('orders stay; reject it');

ALTER TABLE payments_withdrawal
    ADD CONSTRAINT withdrawal_wallet_currency FOREIGN KEY (wallet_id, currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT withdrawal_amount_is_a_number CHECK (amount <> 'NaN');
CREATE TRIGGER begins_pending BEFORE INSERT ON payments_withdrawal FOR EACH ROW
    WHEN (NEW.status <> 'pending')
    EXECUTE FUNCTION till_refuse('an order begins pending');
CREATE TRIGGER settled_once BEFORE UPDATE ON payments_withdrawal FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON payments_withdrawal
    FOR EACH ROW EXECUTE FUNCTION till_refuse('orders stay; reject it');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('orders stay; reject it');

-- What a wallet holds is the sum of its pending withdrawals. Checked at commit, when both are written; the wallet's row
-- is locked by then. "UPDATE OF held" costs a credit nothing.
CREATE FUNCTION till_holds_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wallet bigint := coalesce(to_jsonb(NEW) ->> 'wallet_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF (SELECT held FROM payments_wallet WHERE id = wallet)
        <> (SELECT coalesce(sum(amount), 0) FROM payments_withdrawal WHERE wallet_id = wallet AND status = 'pending')
    THEN
        RAISE check_violation
            USING MESSAGE = 'wallet ' || wallet || ': what is held is not the sum of its pending withdrawals';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER holds_add_up AFTER INSERT OR UPDATE ON payments_withdrawal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION till_holds_add_up();
CREATE CONSTRAINT TRIGGER holds_add_up AFTER UPDATE OF held ON payments_wallet DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.held <> NEW.held) EXECUTE FUNCTION till_holds_add_up();
