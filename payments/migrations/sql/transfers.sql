-- Transfers: between wallets of one currency, and never changed.

ALTER TABLE payments_transfer
    ADD CONSTRAINT transfer_source_currency FOREIGN KEY (source_id, currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT transfer_destination_currency FOREIGN KEY (destination_id, currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT transfer_amount_is_a_number CHECK (amount <> 'NaN');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_transfer
    FOR EACH ROW EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');
