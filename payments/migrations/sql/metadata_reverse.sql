ALTER TABLE payments_deposit
    ALTER COLUMN reference TYPE varchar(255), ALTER COLUMN metadata TYPE jsonb;
ALTER TABLE payments_withdrawal
    ALTER COLUMN reference TYPE varchar(255), ALTER COLUMN metadata TYPE jsonb;
ALTER TABLE payments_transfer
    ALTER COLUMN reference TYPE varchar(255), ALTER COLUMN metadata TYPE jsonb;
ALTER TABLE payments_exchange
    ALTER COLUMN reference TYPE varchar(255), ALTER COLUMN metadata TYPE jsonb;
DROP DOMAIN till_metadata;
DROP DOMAIN till_reference;
