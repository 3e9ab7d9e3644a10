DROP TRIGGER append_only ON payments_transfer;
DROP TRIGGER no_truncate ON payments_transfer;
ALTER TABLE payments_transfer
    DROP CONSTRAINT transfer_source_currency,
    DROP CONSTRAINT transfer_destination_currency,
    DROP CONSTRAINT transfer_amount_is_a_number;
