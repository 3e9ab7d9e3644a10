ALTER TABLE catalog_purchase
    ALTER COLUMN reference TYPE varchar(255), ALTER COLUMN metadata TYPE jsonb;
