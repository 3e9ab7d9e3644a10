-- One notice a statement, on Till's own tables, every row that Till writes; the wallet's lock is taken first.
\set wallet random(:first, :last)
\set cents random(1, 10000)
\set notice random(1, 1152921504606846975)
WITH wallet AS (
    UPDATE payments_wallet SET balance = balance + :cents::numeric / 100, sequence = sequence + 1
    WHERE id = :wallet AND house IS NULL
    RETURNING id, owner_id, currency_id, balance, sequence, clock_timestamp() AS at
), booked AS (
    INSERT INTO payments_transaction (kind, reference, created_at)
    SELECT 'deposit', 'sha1_colon ' || :notice::bigint, at FROM wallet RETURNING id
), posting AS (
    INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
        destination_sequence, destination_balance)
    SELECT booked.id, wallet.currency_id, :cents::numeric / 100, :clearing, wallet.id, wallet.sequence, wallet.balance
    FROM booked, wallet
)
INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, verdict, reason,
    transaction_id, balance, body, headers)
SELECT :provider, (:notice::bigint)::text, wallet.owner_id, wallet.id, :cents::numeric / 100, 'credited', '',
    booked.id, wallet.balance, format('{"transaction_id": %s, "user_id": %s, "bill_id": %s, "amount": %s,'
        ' "signature": "70e224ace9d3859aca84ffb88edf593acec92dbb"}', :notice, wallet.owner_id, wallet.id, :cents),
    'content-type: application/json'
FROM booked, wallet;
