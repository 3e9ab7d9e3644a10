"""What the service's database role may do to each table: no more than the code does.

The owner of the tables migrates them and can switch their guards off; the service can do neither. `manage.py
grant_service_role` gives these rights, and config/checks.py says at the start when the role has more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db.backends.utils import CursorWrapper
from psycopg import sql

#: UPDATE of every column.
EVERY: Final = ("*",)


@dataclass(frozen=True, slots=True)
class Rights:
    """Besides SELECT. `update` names columns, or is EVERY."""

    insert: bool = True
    update: tuple[str, ...] = ()
    delete: bool = False


READ_ONLY = Rights(insert=False)
APPEND_ONLY = Rights()
FREE = Rights(update=EVERY, delete=True)
# Locking a row needs the right to update one of its columns. A trigger refuses every UPDATE of these tables.
LOCKED_ONLY = Rights(update=("id",))
_SETTLEMENT = ("status", "reason", "bank_reference", "transaction_id", "settled_by_id", "settled_at")

RIGHTS: dict[str, Rights] = {
    # --- the books: what is booked stays
    "payments_transaction": LOCKED_ONLY,
    "payments_posting": APPEND_ONLY,
    "payments_wallet": Rights(update=("balance", "held", "sequence", "moved_at", "may_overdraw"), delete=True),
    "payments_webhookevent": Rights(update=("verdict", "reason", "transaction_id", "balance", "wallet_id")),
    "payments_deposit": Rights(update=_SETTLEMENT),
    "payments_withdrawal": Rights(update=_SETTLEMENT),
    "payments_transfer": APPEND_ONLY,
    "payments_exchange": APPEND_ONLY,
    "payments_reversal": APPEND_ONLY,
    "catalog_purchase": Rights(update=("refunded",)),
    "catalog_refund": APPEND_ONLY,
    "payments_housecheckpoint": Rights(update=("balance", "posting_id")),
    "payments_houseopening": APPEND_ONLY,
    "payments_ledgercheck": Rights(delete=True),
    # --- events: triggers write the outbox with the rights of who makes the change
    "payments_outboxevent": APPEND_ONLY,
    "payments_event": APPEND_ONLY,
    "payments_eventsource": Rights(update=("seen_to", "gaps", "watched", "writers")),
    "payments_eventrelay": Rights(update=("last_position",)),
    "payments_eventendpoint": FREE,
    "payments_eventbatch": Rights(delete=True),
    "payments_eventdelivery": FREE,
    "payments_backgroundtimer": Rights(update=("due_at", "started_at", "finished_at", "error")),
    # --- what money goes by
    "payments_currency": Rights(update=("name", "is_active")),
    "payments_commissionrule": Rights(update=("valid_until",), delete=True),
    "payments_quote": Rights(update=("id",), delete=True),
    "payments_exchangerate": FREE,
    "payments_provider": FREE,
    "payments_settlementscope": FREE,
    "payments_externalwallet": Rights(update=("label", "details", "deleted_at")),
    "payments_idempotencykey": FREE,
    "catalog_product": FREE,
    # --- users
    "accounts_user": FREE,
    "accounts_user_groups": FREE,
    "accounts_user_user_permissions": FREE,
    "accounts_tokenfamily": FREE,
    "accounts_secondfactor": FREE,
    "accounts_recoverycode": Rights(update=("used_at",), delete=True),
    "accounts_apikey": Rights(update=("revoked_at", "last_used_at")),
    "accounts_outgoingmail": FREE,
    "accounts_senderlease": Rights(update=("expires_at",), delete=True),
    "accounts_throttlecount": FREE,
    "django_session": FREE,
    "axes_accessattempt": FREE,
    "axes_accessattemptexpiration": FREE,
    "axes_accessfailurelog": FREE,
    "axes_accesslog": FREE,
    # --- what staff did. Django deletes by user before it deletes a user; a trigger refuses each row that there is
    "django_admin_log": Rights(update=("object_repr",), delete=True),
    # --- what only a migration writes
    "auth_group": READ_ONLY,
    "auth_group_permissions": READ_ONLY,
    "auth_permission": READ_ONLY,
    "django_content_type": READ_ONLY,
    "django_migrations": READ_ONLY,
}

#: Functions of the owner that nobody else may call unless it is said here.
FUNCTIONS = ("till_hold_bookings()",)


def tables() -> Iterable[str]:
    """Return the tables of all models, and the one that Django keeps its migrations in."""
    models = apps.get_models(include_auto_created=True)
    return [*(model._meta.db_table for model in models if model._meta.managed), "django_migrations"]


def grant(cursor: CursorWrapper, role: str) -> None:
    """Give the role exactly its rights, in place of those that it has. Inside an atomic block; safe to repeat.

    Takes no lock on the tables: a service that runs sees the old rights or the new ones.
    """
    grantee = sql.Identifier(role)
    cursor.execute(
        sql.SQL("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC; GRANT USAGE ON SCHEMA {schema} TO {role}").format(
            schema=sql.Identifier(_schema(cursor)), role=grantee
        )
    )
    for table in tables():
        for statement in _statements(RIGHTS.get(table, FREE)):
            cursor.execute(sql.SQL(statement).format(table=sql.Identifier(table), role=grantee))
    cursor.execute(
        sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}").format(
            schema=sql.Identifier(_schema(cursor)), role=grantee
        )
    )
    for function in FUNCTIONS:
        cursor.execute(sql.SQL(f"GRANT EXECUTE ON FUNCTION {function} TO {{role}}").format(role=grantee))


def _statements(rights: Rights) -> Iterable[str]:
    """Yield SQL with the names {table} and {role} left open."""
    yield "REVOKE ALL ON {table} FROM PUBLIC, {role}"
    yield "GRANT SELECT ON {table} TO {role}"
    if rights.insert:
        yield "GRANT INSERT ON {table} TO {role}"
    if rights.delete:
        yield "GRANT DELETE ON {table} TO {role}"
    if rights.update == EVERY:
        yield "GRANT UPDATE ON {table} TO {role}"
    elif rights.update:
        yield f"GRANT UPDATE ({', '.join(rights.update)}) ON {{table}} TO {{role}}"


def _schema(cursor: CursorWrapper) -> str:
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


_ATTRIBUTES = """
SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user
"""
_ATTRIBUTE_NAMES = ("a superuser", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")
_MEMBERSHIPS = """
SELECT rolname FROM pg_roles WHERE rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY 1
"""
_TABLES = """
SELECT relname, pg_has_role(current_user, relowner, 'USAGE'),
    ARRAY(SELECT word FROM unnest(ARRAY['INSERT', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS word
        WHERE has_table_privilege(relation.oid, word)),
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
        AND has_column_privilege(relation.oid, attnum, 'UPDATE'))
FROM pg_class relation
WHERE oid = ANY(SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) AS name) ORDER BY 1
"""


def excess(cursor: CursorWrapper) -> list[str]:
    """Return in words what the connected role may do beyond its rights. Of a superuser, only that it is one."""
    cursor.execute(_ATTRIBUTES)
    attributes = [name for name, has in zip(_ATTRIBUTE_NAMES, cursor.fetchone(), strict=True) if has]
    if _ATTRIBUTE_NAMES[0] in attributes:
        return attributes[:1]
    cursor.execute(_MEMBERSHIPS)
    excess_rights = [*attributes, *(f"a member of {name}" for (name,) in cursor.fetchall())]
    cursor.execute(
        "SELECT has_schema_privilege(current_schema(), 'CREATE'), has_database_privilege(current_database(), 'CREATE')"
    )
    places = zip(("schema", "database"), cursor.fetchone(), strict=True)
    excess_rights += [f"CREATE in the {place}" for place, may in places if may]
    return excess_rights + _excess_on_tables(cursor)


def _excess_on_tables(cursor: CursorWrapper) -> list[str]:
    cursor.execute(_TABLES, [list(tables())])
    excess_rights = []
    for table, owns, privileges, columns in cursor.fetchall():
        rights = RIGHTS.get(table, FREE)
        more = set(privileges) - ({"INSERT"} if rights.insert else set()) - ({"DELETE"} if rights.delete else set())
        if rights.update != EVERY:
            more |= {f"UPDATE of {column}" for column in set(columns) - set(rights.update)}
        if owns:
            excess_rights.append(f"the owner of {table}")
        elif more:
            excess_rights.append(f"{', '.join(sorted(more))} on {table}")
    return excess_rights
