\set account random(:first, :last)
\set cents random(1, 10000)
WITH booking AS (
    INSERT INTO booking (booked_at) VALUES (now()) RETURNING id
), entries AS (
    INSERT INTO entry (booking_id, account_id, amount)
    SELECT booking.id, side.account_id, side.amount
    FROM booking, (VALUES (0::bigint, -(:cents)::numeric / 100), (:account, :cents::numeric / 100)) AS side (account_id, amount)
)
UPDATE account SET balance = balance + :cents::numeric / 100 WHERE id = :account;
