"""Who sends the mails: a background worker while one is alive, else a thread of each process that serves.

A row with a time says that a worker is. A lock of PostgreSQL would not do: a pooler in transaction mode loses it. The
clock is PostgreSQL's. When both send for a moment, they share the queue and send nothing twice.
"""

from django.db import connection

from accounts.models import SenderLease

#: Longer than a mail server may take for a mail, seldom though it is that slow.
SECONDS = 60

_RENEW = """
    INSERT INTO accounts_senderlease (id, expires_at) VALUES (1, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""
_HELD = "SELECT EXISTS (SELECT FROM accounts_senderlease WHERE expires_at > clock_timestamp())"


def renew() -> None:
    """Say that a worker is alive. Several workers share the row."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [SECONDS])


def give_up() -> None:
    """Say that a worker ends. Another one renews the lease within seconds. Safe to repeat."""
    SenderLease.objects.all().delete()


def is_held() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HELD)
        return bool(cursor.fetchone()[0])
