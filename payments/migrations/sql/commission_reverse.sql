DROP TRIGGER only_ended ON payments_commissionrule;
ALTER TABLE payments_commissionrule
    DROP CONSTRAINT commission_rule_overlap,
    DROP CONSTRAINT commission_is_a_number;
