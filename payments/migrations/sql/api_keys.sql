-- The service's role may write revoked_at, to revoke a key. What was revoked is never good again, whoever writes.

CREATE TRIGGER revoked_stays BEFORE UPDATE ON accounts_apikey FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    EXECUTE FUNCTION till_refuse('an API key that was revoked stays revoked');
