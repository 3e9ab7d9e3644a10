-- Quotes and exchanges.

-- A quote is a promise: its proceeds are amount x rate, rounded down to ten decimals, and nothing of it changes.
ALTER TABLE payments_quote
    ADD CONSTRAINT quote_amount_is_a_number CHECK (amount <> 'NaN' AND proceeds <> 'NaN' AND rate <> 'NaN'),
    ADD CONSTRAINT quote_rounded_down CHECK (proceeds <= amount * rate AND amount * rate < proceeds + 0.0000000001),
    ADD CONSTRAINT quote_terms UNIQUE
        (id, user_id, source_currency_id, target_currency_id, amount, rate, proceeds, commission);
CREATE TRIGGER promise_stays BEFORE UPDATE ON payments_quote
    FOR EACH ROW EXECUTE FUNCTION till_refuse('a quote stays as it was promised');

-- An exchange adds up to the last digit, between wallets of its two currencies, and on the terms of its quote.
ALTER TABLE payments_exchange
    ADD CONSTRAINT exchange_amount_is_a_number CHECK (amount <> 'NaN' AND rate <> 'NaN'),
    ADD CONSTRAINT exchange_adds_up CHECK (proceeds + remainder = amount * rate),
    ADD CONSTRAINT exchange_source_currency FOREIGN KEY (source_id, source_currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT exchange_destination_currency FOREIGN KEY (destination_id, target_currency_id)
        REFERENCES payments_wallet (id, currency_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT exchange_keeps_its_quote FOREIGN KEY
        (quote_id, user_id, source_currency_id, target_currency_id, amount, rate, proceeds, commission)
        REFERENCES payments_quote
        (id, user_id, source_currency_id, target_currency_id, amount, rate, proceeds, commission)
        DEFERRABLE INITIALLY DEFERRED;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_exchange
    FOR EACH ROW EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments_exchange
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('what is booked stays; book a reversal');
