DROP TRIGGER tells_workers ON payments_provider;
DROP FUNCTION till_provider_changed();

DROP INDEX event_of_transaction;
DROP TRIGGER settled_stays ON payments_webhookevent;
DROP TRIGGER kept_for_ever ON payments_webhookevent;
DROP TRIGGER no_truncate ON payments_webhookevent;

ALTER TABLE payments_webhookevent
    ALTER amount TYPE numeric(38, 10),
    ALTER verdict TYPE varchar(10);
DROP DOMAIN till_verdict;
