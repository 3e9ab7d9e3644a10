ALTER TABLE payments_deposit DROP CONSTRAINT deposit_bank_reference_fits;
CREATE OR REPLACE TRIGGER settled_once BEFORE UPDATE ON payments_deposit FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');
ALTER TABLE payments_withdrawal DROP CONSTRAINT withdrawal_bank_reference_fits;
CREATE OR REPLACE TRIGGER settled_once BEFORE UPDATE ON payments_withdrawal FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD) - ARRAY['status', 'reason', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');
