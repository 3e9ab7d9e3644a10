from django.db import migrations

# LOCK TABLE … IN SHARE MODE wants a right to change the table, which the service has not. The function has its
# owner's, and a search path that nobody can put another table into.
_CREATE = """
DO $do$
BEGIN
    EXECUTE format($create$
        CREATE FUNCTION till_hold_bookings() RETURNS void LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        'BEGIN LOCK TABLE %I.payments_posting IN SHARE MODE; END'
    $create$, current_schema());
END
$do$;
REVOKE EXECUTE ON FUNCTION till_hold_bookings() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """A checkpoint of the house's balances waits for bookings without being the tables' owner."""

    dependencies = [("payments", "0014_staff_log")]

    operations = [migrations.RunSQL(_CREATE, "DROP FUNCTION till_hold_bookings()")]
