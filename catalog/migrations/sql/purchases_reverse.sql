DROP TRIGGER refunds_add_up ON catalog_refund;
DROP TRIGGER refunds_add_up ON catalog_purchase;
DROP FUNCTION catalog_refunds_add_up();

DROP TRIGGER append_only ON catalog_refund;
DROP TRIGGER no_truncate ON catalog_refund;

DROP TRIGGER sold_stays ON catalog_purchase;
DROP TRIGGER kept_for_ever ON catalog_purchase;
DROP TRIGGER no_truncate ON catalog_purchase;
ALTER TABLE catalog_purchase
    DROP CONSTRAINT purchase_product_currency,
    DROP CONSTRAINT purchase_wallet_currency;
