-- Commission rules.

-- At each moment one rule at most is in force for an operation and currency. The exclusion needs a range to stand for
-- the pair: two different pairs share one with a chance of 2^-64.
ALTER TABLE payments_commissionrule
    ADD CONSTRAINT commission_rule_overlap EXCLUDE USING gist (
        int8range(
            hashtextextended(operation || ' ' || currency_id, 0),
            hashtextextended(operation || ' ' || currency_id, 0), '[]'
        ) WITH &&,
        tstzrange(valid_from, valid_until) WITH &&
    ),
    ADD CONSTRAINT commission_is_a_number
        CHECK (fixed <> 'NaN' AND minimum <> 'NaN' AND (maximum IS NULL OR maximum <> 'NaN'));

-- Orders keep the rule that they were made by.
CREATE TRIGGER only_ended BEFORE UPDATE ON payments_commissionrule FOR EACH ROW
    WHEN (to_jsonb(NEW) - 'valid_until' <> to_jsonb(OLD) - 'valid_until')
    EXECUTE FUNCTION till_refuse('end this rule and make another: orders refer to it');
