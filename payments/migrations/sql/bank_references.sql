-- What the bank calls the payment of an order: written down by whoever settles it, and as final as the settlement.

ALTER TABLE payments_deposit ADD CONSTRAINT deposit_bank_reference_fits CHECK (
    bank_reference = ''
    OR status IN ('paid', 'rejected')
    AND bank_reference !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'
) NOT VALID;
CREATE OR REPLACE TRIGGER settled_once BEFORE UPDATE ON payments_deposit FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW)
              - ARRAY['status', 'reason', 'bank_reference', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD)
              - ARRAY['status', 'reason', 'bank_reference', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');

ALTER TABLE payments_withdrawal ADD CONSTRAINT withdrawal_bank_reference_fits CHECK (
    bank_reference = ''
    OR status IN ('paid', 'rejected')
    AND bank_reference !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'
) NOT VALID;
CREATE OR REPLACE TRIGGER settled_once BEFORE UPDATE ON payments_withdrawal FOR EACH ROW
    WHEN (OLD.status <> 'pending'
          OR to_jsonb(NEW)
              - ARRAY['status', 'reason', 'bank_reference', 'transaction_id', 'settled_by_id', 'settled_at']
          <> to_jsonb(OLD)
              - ARRAY['status', 'reason', 'bank_reference', 'transaction_id', 'settled_by_id', 'settled_at'])
    EXECUTE FUNCTION till_refuse('an order is settled once, and stays as it was made');
