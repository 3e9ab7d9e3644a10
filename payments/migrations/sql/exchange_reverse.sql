DROP TRIGGER append_only ON payments_exchange;
DROP TRIGGER no_truncate ON payments_exchange;
ALTER TABLE payments_exchange
    DROP CONSTRAINT exchange_keeps_its_quote,
    DROP CONSTRAINT exchange_source_currency,
    DROP CONSTRAINT exchange_destination_currency,
    DROP CONSTRAINT exchange_adds_up,
    DROP CONSTRAINT exchange_amount_is_a_number;

DROP TRIGGER promise_stays ON payments_quote;
ALTER TABLE payments_quote
    DROP CONSTRAINT quote_terms,
    DROP CONSTRAINT quote_rounded_down,
    DROP CONSTRAINT quote_amount_is_a_number;
