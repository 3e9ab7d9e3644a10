-- For requests of users, after till_users.sql: passwords (the demo's) for the first :signed_in users, and products
-- number 1 to :products without a limit of stock, all at one price.
UPDATE accounts_user SET password = (SELECT password FROM accounts_user WHERE email = 'testuser@example.com')
WHERE id BETWEEN :first AND :first + :signed_in - 1;

INSERT INTO catalog_product (id, title, description, price, currency_id, is_active, version, search_text)
SELECT n, 'Product ' || n, '', :cents::numeric / 100, 'USD', true, 1, 'product ' || n
FROM generate_series(1, :products) AS n;

VACUUM (ANALYZE) accounts_user, catalog_product;
