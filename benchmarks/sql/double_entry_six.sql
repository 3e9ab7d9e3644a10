\set account random(:first, :last)
\set cents random(1, 10000)
BEGIN;
INSERT INTO booking (booked_at) VALUES (now()) RETURNING id \gset
INSERT INTO entry (booking_id, account_id, amount) VALUES (:id, 0, -(:cents)::numeric / 100);
INSERT INTO entry (booking_id, account_id, amount) VALUES (:id, :account, :cents::numeric / 100);
UPDATE account SET balance = balance + :cents::numeric / 100 WHERE id = :account;
COMMIT;
