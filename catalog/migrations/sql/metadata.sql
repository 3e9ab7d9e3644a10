-- See payments/migrations/sql/metadata.sql.
ALTER TABLE catalog_purchase
    ALTER COLUMN reference TYPE till_reference, ALTER COLUMN metadata TYPE till_metadata;
