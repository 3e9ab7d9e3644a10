-- Users, and an empty wallet for each: ids :first to :first + :users - 1. The first of them is the busy one,
-- who can log in with the demo's password.
INSERT INTO accounts_user (id, email, full_name, password, role, is_superuser, is_staff, is_active,
    activated_at, created_at, token_epoch)
SELECT :first + n, 'user' || n || '@bench.example', '', '!', 'user', false, false, true, now(), now(), 0
FROM generate_series(0, :users - 1) AS n;

INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)
SELECT :first + n, :first + n, 'USD', 0, 0, 0, now() FROM generate_series(0, :users - 1) AS n;

UPDATE accounts_user SET password = (SELECT password FROM accounts_user WHERE email = 'testuser@example.com')
WHERE id = :first;

VACUUM (ANALYZE) accounts_user, payments_wallet;
