-- What clients attach to documents. The domains get their rules in metadata_rules.sql, once every table has them:
-- a column that gets a domain without rules keeps its rows as they are, and otherwise each is written anew.
CREATE DOMAIN till_reference AS varchar(255);
CREATE DOMAIN till_metadata AS jsonb;

ALTER TABLE payments_deposit
    ALTER COLUMN reference TYPE till_reference, ALTER COLUMN metadata TYPE till_metadata;
ALTER TABLE payments_withdrawal
    ALTER COLUMN reference TYPE till_reference, ALTER COLUMN metadata TYPE till_metadata;
ALTER TABLE payments_transfer
    ALTER COLUMN reference TYPE till_reference, ALTER COLUMN metadata TYPE till_metadata;
ALTER TABLE payments_exchange
    ALTER COLUMN reference TYPE till_reference, ALTER COLUMN metadata TYPE till_metadata;
