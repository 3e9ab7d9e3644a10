-- History: notices :after + 1 to :upto of :amount. Each has its event, transaction, posting and balance, as Till writes
-- them. Every tenth goes to one of the :busy first wallets, the others to the rest in turn, so number and balance follow
-- from n.
-- Triggers are off for the load's sake; check_ledger, which trusts none, looks at everything afterwards.
SET session_replication_role = replica;

CREATE TEMPORARY TABLE notice AS
SELECT n, '2025-01-01Z'::timestamptz + n * interval '3 seconds' AS at,
    (hashint8extended(n, 0) & 1152921504606846975)::text AS external_id,
    CASE WHEN n % 10 = 0 THEN :first + (n / 10 - 1) % :busy
        ELSE :first + :busy + (n - n / 10 - 1) % (:users - :busy) END AS wallet_id,
    CASE WHEN n % 10 = 0 THEN (n / 10 - 1) / :busy ELSE (n - n / 10 - 1) / (:users - :busy) END + 1 AS sequence
FROM generate_series(:after + 1, :upto::bigint) AS n;

INSERT INTO payments_transaction (id, kind, reference, created_at)
SELECT n, 'deposit', 'sha1_colon ' || external_id, at FROM notice ORDER BY n;

INSERT INTO payments_posting (id, transaction_id, currency_id, amount, source_id, destination_id,
    destination_sequence, destination_balance)
SELECT n, n, 'USD', :amount, clearing.id, wallet_id, notice.sequence, notice.sequence * :amount
FROM notice, payments_wallet clearing WHERE clearing.house = 'clearing' AND clearing.currency_id = 'USD' ORDER BY n;

INSERT INTO payments_webhookevent (id, provider_id, external_id, user_id, account_id, amount, verdict, reason,
    transaction_id, balance, received_at)
SELECT n, provider.id, external_id, wallet_id, wallet_id, :amount, 'credited', '', n, notice.sequence * :amount,
    at
FROM notice, payments_provider provider WHERE provider.slug = 'sha1_colon' ORDER BY n;

UPDATE payments_wallet SET balance = newest.sequence * :amount, sequence = newest.sequence
FROM (SELECT wallet_id, max(sequence) AS sequence FROM notice GROUP BY 1) newest WHERE id = wallet_id;

SELECT setval(pg_get_serial_sequence('payments_transaction', 'id'), :upto),
    setval(pg_get_serial_sequence('payments_posting', 'id'), :upto),
    setval(pg_get_serial_sequence('payments_webhookevent', 'id'), :upto);
