-- Purchases and their refunds.

-- A purchase has the currency of its product and of its wallet. Only what was refunded changes, and it only rises.
ALTER TABLE catalog_purchase
    ADD CONSTRAINT purchase_product_currency FOREIGN KEY (product_id, currency_id)
        REFERENCES catalog_product (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT purchase_wallet_currency FOREIGN KEY (wallet_id, currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED;
CREATE TRIGGER sold_stays BEFORE UPDATE ON catalog_purchase FOR EACH ROW
    WHEN (NEW.refunded <= OLD.refunded OR to_jsonb(NEW) - 'refunded' <> to_jsonb(OLD) - 'refunded')
    EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON catalog_purchase
    FOR EACH ROW EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON catalog_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON catalog_refund
    FOR EACH ROW EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON catalog_refund
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');

-- What a purchase says was refunded is the sum of its refunds. Checked at commit, when both are written; the purchase's
-- row is locked by then.
CREATE FUNCTION catalog_refunds_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    purchase bigint := coalesce(to_jsonb(NEW) ->> 'purchase_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF (SELECT refunded FROM catalog_purchase WHERE id = purchase)
        <> (SELECT coalesce(sum(amount), 0) FROM catalog_refund WHERE purchase_id = purchase) THEN
        RAISE EXCEPTION 'purchase %: refunds do not add up', purchase USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refunds_add_up AFTER INSERT ON catalog_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION catalog_refunds_add_up();
CREATE CONSTRAINT TRIGGER refunds_add_up AFTER INSERT OR UPDATE ON catalog_purchase DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.refunded <> 0) EXECUTE FUNCTION catalog_refunds_add_up();
