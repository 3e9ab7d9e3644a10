"""The SQL of the audit: each check reads a range of ids and selects differences, as `Difference` has them."""

# The window follows each wallet from posting to posting. A posting that does not follow from the one before is a
# difference. So a single wrong row is named once, and not for every row after it.
WALLETS = """
WITH line AS (
    SELECT source_id AS wallet_id, source_sequence AS sequence, source_balance AS balance, -amount AS change,
        id, transaction_id
    FROM payments_posting WHERE source_id > %(after)s AND source_id <= %(upto)s AND source_sequence IS NOT NULL
    UNION ALL
    SELECT destination_id, destination_sequence, destination_balance, amount, id, transaction_id
    FROM payments_posting
    WHERE destination_id > %(after)s AND destination_id <= %(upto)s AND destination_sequence IS NOT NULL
), step AS MATERIALIZED (
    SELECT line.*, booked.created_at,
        lag(sequence, 1, 0::bigint) OVER history + 1 AS next_sequence,
        lag(balance, 1, 0::numeric) OVER history + change AS next_balance,
        lag(booked.created_at) OVER history AS time_before
    FROM line LEFT JOIN payments_transaction booked ON booked.id = line.transaction_id
    WINDOW history AS (PARTITION BY wallet_id ORDER BY sequence, line.id)
), wallet AS (
    SELECT w.id, w.balance, w.held, w.sequence, w.may_overdraw,
        coalesce(moved.change, 0) AS moved, coalesce(moved.lines, 0) AS lines,
        coalesce((SELECT sum(amount) FROM payments_withdrawal
            WHERE wallet_id = w.id AND status = 'pending'), 0) AS pending
    FROM payments_wallet w LEFT JOIN (
        SELECT wallet_id, sum(change) AS change, count(*) AS lines FROM step GROUP BY wallet_id
    ) moved ON moved.wallet_id = w.id
    WHERE w.id > %(after)s AND w.id <= %(upto)s AND w.house IS NULL
)
SELECT 'line_sequence', wallet_id, transaction_id, NULL::bigint, next_sequence::text, sequence::text
    FROM step WHERE sequence <> next_sequence
UNION ALL SELECT 'line_balance', wallet_id, transaction_id, NULL, next_balance::text, balance::text
    FROM step WHERE balance <> next_balance
UNION ALL SELECT 'line_time', wallet_id, transaction_id, NULL, 'not before ' || time_before, created_at::text
    FROM step WHERE created_at < time_before
UNION ALL SELECT 'wallet_balance', id, NULL, NULL, moved::text, balance::text FROM wallet WHERE balance <> moved
UNION ALL SELECT 'wallet_sequence', id, NULL, NULL, lines::text, sequence::text FROM wallet WHERE sequence <> lines
UNION ALL SELECT 'wallet_held', id, NULL, NULL, pending::text, held::text FROM wallet WHERE held <> pending
UNION ALL SELECT 'wallet_overdrawn', id, NULL, NULL, 'at least ' || greatest(held, 0), balance::text
    FROM wallet WHERE balance < greatest(held, 0) AND NOT may_overdraw
"""

POSTINGS = """
WITH posting AS MATERIALIZED (
    SELECT * FROM payments_posting WHERE id > %(after)s AND id <= %(upto)s
), side AS (
    SELECT transaction_id, currency_id, source_id AS wallet_id,
        num_nonnulls(source_sequence, source_balance) AS numbers FROM posting
    UNION ALL SELECT transaction_id, currency_id, destination_id,
        num_nonnulls(destination_sequence, destination_balance) FROM posting
), seen AS (
    SELECT side.*, wallet.id IS NOT NULL AS exists, wallet.house, wallet.currency_id AS holds
    FROM side LEFT JOIN payments_wallet wallet ON wallet.id = side.wallet_id
)
SELECT 'posting_wallet', wallet_id, transaction_id, NULL::bigint, 'a wallet', 'none' FROM seen WHERE NOT exists
UNION ALL SELECT 'posting_currency', wallet_id, transaction_id, NULL, holds, currency_id
    FROM seen WHERE holds <> currency_id
UNION ALL SELECT 'posting_unnumbered', wallet_id, transaction_id, NULL, 'number and balance', 'not both'
    FROM seen WHERE exists AND house IS NULL AND numbers < 2
UNION ALL SELECT 'posting_numbered', wallet_id, transaction_id, NULL, 'neither number nor balance', 'some'
    FROM seen WHERE house IS NOT NULL AND numbers > 0
UNION ALL SELECT 'posting_amount', NULL, transaction_id, NULL, 'more than 0', amount::text
    FROM posting WHERE amount <= 0 OR amount = 'NaN'
UNION ALL SELECT 'posting_sides', source_id, transaction_id, NULL, 'two wallets', 'one'
    FROM posting WHERE source_id = destination_id
UNION ALL SELECT 'posting_transaction', NULL, transaction_id, NULL, 'a transaction', 'none'
    FROM posting WHERE NOT EXISTS (SELECT FROM payments_transaction t WHERE t.id = posting.transaction_id)
"""

#: {unclaimed}: those that no document of their kind claims.
TRANSACTIONS = """
WITH booked AS MATERIALIZED (
    SELECT * FROM payments_transaction WHERE id > %(after)s AND id <= %(upto)s
)
SELECT 'transaction_empty', NULL::bigint, id, NULL::bigint, 'postings', 'none'
    FROM booked WHERE NOT EXISTS (SELECT FROM payments_posting p WHERE p.transaction_id = booked.id)
UNION ALL SELECT 'transaction_kind', NULL, id, NULL, 'a known kind', kind
    FROM booked WHERE kind <> ALL(%(kinds)s::text[])
UNION ALL {unclaimed}
"""

EVENTS = """
WITH event AS MATERIALIZED (
    SELECT * FROM payments_webhookevent WHERE id > %(after)s AND id <= %(upto)s
), credited AS (
    SELECT event.*, booked.kind, booked.reference,
        (SELECT count(*) FROM payments_posting p WHERE p.transaction_id = event.transaction_id) AS postings
    FROM event LEFT JOIN payments_transaction booked ON booked.id = event.transaction_id
    WHERE verdict = 'credited'
), paid AS (
    SELECT credited.*, source.house, posting.destination_id, posting.amount AS paid, posting.currency_id AS paid_in,
        posting.destination_balance AS recorded, destination.owner_id
    FROM credited JOIN payments_posting posting USING (transaction_id)
    LEFT JOIN payments_wallet source ON source.id = posting.source_id
    LEFT JOIN payments_wallet destination ON destination.id = posting.destination_id
    WHERE postings = 1
)
SELECT 'event_transaction', account_id, transaction_id, id, 'a deposit', coalesce(kind, 'none')
    FROM credited WHERE kind IS DISTINCT FROM 'deposit'
UNION ALL SELECT 'event_postings', account_id, transaction_id, id, '1', postings::text
    FROM credited WHERE kind = 'deposit' AND postings <> 1
UNION ALL SELECT 'event_reference', account_id, transaction_id, id, external_id, reference
    FROM credited WHERE substr(reference, strpos(reference, ' ') + 1) <> external_id
UNION ALL SELECT 'event_repeated', account_id, transaction_id, id, 'one event', 'another'
    FROM credited WHERE EXISTS (
        SELECT FROM payments_webhookevent other
        WHERE other.transaction_id = credited.transaction_id AND other.id <> credited.id)
        OR EXISTS (SELECT FROM payments_deposit deposit WHERE deposit.transaction_id = credited.transaction_id)
UNION ALL SELECT 'event_source', account_id, transaction_id, id, 'clearing', coalesce(house, 'a user''s wallet')
    FROM paid WHERE house IS DISTINCT FROM 'clearing'
UNION ALL SELECT 'event_wallet', account_id, transaction_id, id, coalesce(wallet_id, account_id)::text,
        destination_id::text
    FROM paid WHERE coalesce(wallet_id, account_id) <> destination_id OR (wallet_id IS NULL) = (account_id = 0)
UNION ALL SELECT 'event_currency', account_id, transaction_id, id, paid_in, currency_id
    FROM paid WHERE currency_id <> paid_in
UNION ALL SELECT 'event_owner', account_id, transaction_id, id, user_id::text, coalesce(owner_id::text, 'none')
    FROM paid WHERE user_id IS DISTINCT FROM owner_id
UNION ALL SELECT 'event_amount', account_id, transaction_id, id, paid::text, amount::text
    FROM paid WHERE amount <> paid
UNION ALL SELECT 'event_balance', account_id, transaction_id, id, recorded::text, balance::text
    FROM paid WHERE balance IS DISTINCT FROM recorded
UNION ALL SELECT 'event_uncredited', account_id, transaction_id, id, 'no transaction', transaction_id::text
    FROM event WHERE verdict <> 'credited' AND transaction_id IS NOT NULL
"""

# Not by range: house wallets and their checkpoints are few.
HOUSE = """
SELECT 'wallet_house', id, NULL::bigint, NULL::bigint, 'an id of its range, 0 stored',
        'balance ' || balance || ', held ' || held || ', sequence ' || sequence
    FROM payments_wallet
    WHERE (house IS NOT NULL AND (balance <> 0 OR held <> 0 OR sequence <> 0 OR owner_id IS NOT NULL))
        OR (house IS NOT NULL) <> (id >= %(first_house)s) OR (house IS NULL AND owner_id IS NULL)
UNION ALL SELECT 'checkpoint_wallet', wallet_id, NULL, NULL, 'a house wallet', 'a user''s'
    FROM payments_housecheckpoint JOIN payments_wallet wallet ON wallet.id = wallet_id WHERE house IS NULL
UNION ALL SELECT 'checkpoint_place', wallet_id, NULL, NULL,
        'posting ' || least((SELECT min(posting_id) FROM payments_housecheckpoint), last.id), 'posting ' || posting_id
    FROM payments_housecheckpoint, (SELECT coalesce(max(id), 0) AS id FROM payments_posting) last
    WHERE posting_id > least((SELECT min(posting_id) FROM payments_housecheckpoint), last.id)
"""

#: Names the first of each kind only, with how many there are.
BOUNDED = """
SELECT kind, wallet_id, transaction_id, event_id, expected, found, total FROM (
    SELECT difference.*, count(*) OVER (PARTITION BY kind) AS total,
        row_number() OVER (PARTITION BY kind ORDER BY wallet_id, transaction_id, event_id) AS place
    FROM ({check}) AS difference (kind, wallet_id, transaction_id, event_id, expected, found)
) placed WHERE place <= %(limit)s ORDER BY kind, place
"""

HOUSE_MOVES = """
WITH move AS (
    SELECT id, destination_id AS wallet_id, amount AS change FROM payments_posting
    WHERE id > %(after)s AND id <= %(upto)s
    UNION ALL SELECT id, source_id, -amount FROM payments_posting WHERE id > %(after)s AND id <= %(upto)s
)
SELECT wallet.id, sum(change), coalesce(sum(change) FILTER (WHERE move.id <= checkpoint.posting_id), 0)
FROM move JOIN payments_wallet wallet ON wallet.id = move.wallet_id AND wallet.house IS NOT NULL
LEFT JOIN payments_housecheckpoint checkpoint ON checkpoint.wallet_id = wallet.id
GROUP BY wallet.id
"""

HOUSE_WALLETS = """
SELECT wallet.id, wallet.house, wallet.currency_id, checkpoint.balance
FROM payments_wallet wallet LEFT JOIN payments_housecheckpoint checkpoint ON checkpoint.wallet_id = wallet.id
WHERE wallet.house IS NOT NULL ORDER BY wallet.currency_id, wallet.house
"""

USERS_TOTALS = "SELECT currency_id, sum(balance) FROM payments_wallet WHERE house IS NULL GROUP BY 1 ORDER BY 1"

#: The next page of rows: its last id and how many they are.
PAGE = "SELECT max(id), count(*) FROM (SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s) page"

#: The next page of wallets that have so many postings between them, but at least one wallet.
WALLET_PAGE = """
SELECT max(id), count(*) FROM (
    SELECT id, sum(sequence) OVER (ORDER BY id) - sequence AS postings_before FROM (
        SELECT id, sequence FROM payments_wallet WHERE id > %s ORDER BY id LIMIT %s
    ) wallet
) page WHERE postings_before < %s
"""
