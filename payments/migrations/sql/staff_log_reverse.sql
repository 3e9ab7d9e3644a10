DROP TRIGGER append_only ON django_admin_log;
DROP TRIGGER kept_for_ever ON django_admin_log;
DROP TRIGGER no_truncate ON django_admin_log;
