DROP TRIGGER revoked_stays ON accounts_apikey;
