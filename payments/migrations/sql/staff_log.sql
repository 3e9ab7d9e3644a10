-- The staff log is kept as the ledger is. When a user is deleted, the log keeps what was done to them and why; only
-- object_repr, which is their email, is taken out.

CREATE TRIGGER append_only BEFORE UPDATE ON django_admin_log FOR EACH ROW
    WHEN (to_jsonb(NEW) - 'object_repr' <> to_jsonb(OLD) - 'object_repr')
    EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON django_admin_log
    FOR EACH ROW EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON django_admin_log
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
