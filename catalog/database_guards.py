"""The rules of the shop that Django cannot declare, as SQL: each with its way back. They hold without Python."""

from payments.database_guards import append_only


def keeps_currency(side: str, table: str) -> tuple[str, str]:
    """A purchase has the currency of its product and of its wallet, held by composite foreign keys."""
    name = f"purchase_{side}_currency"
    create = f"""
    ALTER TABLE catalog_purchase ADD CONSTRAINT {name} FOREIGN KEY ({side}_id, currency_id)
        REFERENCES {table} (id, currency_id) DEFERRABLE INITIALLY DEFERRED;
    """
    return create, f"ALTER TABLE catalog_purchase DROP CONSTRAINT {name};"


PRODUCT = """
CREATE TRIGGER version_rises BEFORE UPDATE ON catalog_product FOR EACH ROW
    WHEN (NEW.version <= OLD.version)
    EXECUTE FUNCTION till_refuse('a change raises the version');
"""
DROP_PRODUCT = "DROP TRIGGER version_rises ON catalog_product;"

PURCHASE = """
CREATE TRIGGER sold_stays BEFORE UPDATE ON catalog_purchase FOR EACH ROW
    WHEN (NEW.refunded <= OLD.refunded OR to_jsonb(NEW) - 'refunded' <> to_jsonb(OLD) - 'refunded')
    EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON catalog_purchase
    FOR EACH ROW EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON catalog_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('a purchase stays as it was; refund it');
"""
DROP_PURCHASE = """
DROP TRIGGER sold_stays ON catalog_purchase;
DROP TRIGGER kept_for_ever ON catalog_purchase;
DROP TRIGGER no_truncate ON catalog_purchase;
"""

# Checked at commit, when both the refund and the purchase are written; the purchase's row is locked by then.
REFUNDS_ADD_UP = """
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
"""
DROP_REFUNDS_ADD_UP = """
DROP TRIGGER refunds_add_up ON catalog_refund;
DROP TRIGGER refunds_add_up ON catalog_purchase;
DROP FUNCTION catalog_refunds_add_up();
"""

GUARDS: list[tuple[str, str]] = [
    keeps_currency("product", "catalog_product"),
    keeps_currency("wallet", "payments_wallet"),
    (PRODUCT, DROP_PRODUCT),
    (PURCHASE, DROP_PURCHASE),
    append_only("catalog_refund"),
    (REFUNDS_ADD_UP, DROP_REFUNDS_ADD_UP),
]
