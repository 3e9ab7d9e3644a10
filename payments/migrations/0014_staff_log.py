from django.db import migrations

# Of a user who is deleted the history keeps what was done and why; what he was called, his email, is taken out.
_APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE ON django_admin_log FOR EACH ROW
    WHEN (to_jsonb(NEW) - 'object_repr' <> to_jsonb(OLD) - 'object_repr')
    EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
CREATE TRIGGER kept_for_ever BEFORE DELETE ON django_admin_log
    FOR EACH ROW EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON django_admin_log
    FOR EACH STATEMENT EXECUTE FUNCTION till_refuse('what staff did stays as it was written down');
"""
_CHANGEABLE = """
DROP TRIGGER append_only ON django_admin_log;
DROP TRIGGER kept_for_ever ON django_admin_log;
DROP TRIGGER no_truncate ON django_admin_log;
"""


class Migration(migrations.Migration):
    """PostgreSQL keeps the staff log as it keeps the books."""

    dependencies = [
        ("payments", "0013_find_pending_orders_of_a_user"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [migrations.RunSQL(_APPEND_ONLY, _CHANGEABLE)]
