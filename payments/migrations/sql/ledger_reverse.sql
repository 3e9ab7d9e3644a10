DROP FUNCTION till_hold_bookings();
DROP FUNCTION till_stale_wallets();

DROP TRIGGER append_only ON payments_reversal;
DROP TRIGGER no_truncate ON payments_reversal;
DROP TRIGGER append_only ON payments_posting;
DROP TRIGGER no_truncate ON payments_posting;
DROP TRIGGER append_only ON payments_transaction;
DROP TRIGGER no_truncate ON payments_transaction;

ALTER TABLE payments_posting
    DROP CONSTRAINT posting_source_currency,
    DROP CONSTRAINT posting_destination_currency,
    DROP CONSTRAINT posting_source_numbered_if_user,
    DROP CONSTRAINT posting_destination_numbered_if_user;

DROP TRIGGER identity_is_fixed ON payments_currency;

DROP TRIGGER starts_empty ON payments_wallet;
DROP TRIGGER belongs_to_one ON payments_wallet;
DROP TRIGGER id_tells_whose ON payments_wallet;
DROP TRIGGER house_known ON payments_wallet;
DROP TRIGGER identity_is_fixed ON payments_wallet;
DROP TRIGGER balance_moves_with_sequence ON payments_wallet;
DROP TRIGGER house_is_derived ON payments_wallet;
DROP TRIGGER used_stays ON payments_wallet;
DROP TRIGGER no_truncate ON payments_wallet;

DROP SEQUENCE payments_house_wallet_id_seq;
ALTER TABLE payments_wallet ALTER COLUMN id SET MINVALUE 1 SET MAXVALUE 9223372036854775807;

ALTER TABLE payments_wallet
    ALTER balance TYPE numeric(38, 10),
    ALTER held TYPE numeric(38, 10);
ALTER TABLE payments_transaction ALTER kind TYPE varchar(10);
ALTER TABLE payments_posting
    ALTER amount TYPE numeric(38, 10),
    ALTER source_sequence TYPE bigint,
    ALTER destination_sequence TYPE bigint;
DROP DOMAIN till_amount, till_balance, till_held, till_sequence, till_transaction_kind;

DROP FUNCTION till_refuse();
