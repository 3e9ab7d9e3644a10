-- Double entry with the least that deserves the name: keys and foreign keys, no notices, no history to read.
CREATE TABLE account (id bigint PRIMARY KEY, balance numeric(38, 10) NOT NULL);
CREATE TABLE booking (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, booked_at timestamptz NOT NULL);
CREATE TABLE entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id bigint NOT NULL REFERENCES booking,
    account_id bigint NOT NULL REFERENCES account,
    amount numeric(38, 10) NOT NULL
);
INSERT INTO account SELECT n, 0 FROM generate_series(0, :first + :users) AS n WHERE n = 0 OR n >= :first;
VACUUM (ANALYZE);
