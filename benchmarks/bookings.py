"""What the requests of users left in a database, and whether it is what was answered: each once, and whole."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks import load
from benchmarks.databases import Databases
from benchmarks.user_requests import PURCHASES, TRANSFERS, UserRequest

#: For each contestant and what it books: how many there are, and what those that a run's keys made look like.
COUNTED = {
    ("till", TRANSFERS): "SELECT count(*) FROM payments_transfer",
    ("till", PURCHASES): "SELECT count(*) FROM catalog_purchase",
    ("hordak", TRANSFERS): "SELECT count(*) FROM webhooks_storedtransfer",
}
BOOKED = {
    ("till", TRANSFERS): """
        SELECT key, source_id, destination_id, amount FROM payments_idempotencykey request
        LEFT JOIN payments_transfer booked
            ON booked.id = (body::json ->> 'id')::bigint AND booked.user_id = request.user_id
        WHERE starts_with(key, %s)
    """,
    ("till", PURCHASES): """
        SELECT key, wallet_id, product_id, amount FROM payments_idempotencykey request
        LEFT JOIN catalog_purchase booked
            ON booked.id = (body::json ->> 'id')::bigint AND booked.user_id = request.user_id
        WHERE starts_with(key, %s)
    """,
    ("hordak", TRANSFERS): """
        SELECT key, source_id, destination_id, amount FROM webhooks_storedtransfer WHERE starts_with(key, %s)
    """,
}


class Booking(NamedTuple):
    """What one key of a run made: from, to and how much, all None if it made nothing."""

    key: str
    source: int | None
    destination: int | None
    amount: Decimal | None


def count(databases: Databases, database: str, kind: str, books: str) -> int:
    """Return how many there are, of those that leave something behind."""
    sql = COUNTED.get((kind, books))
    return _rows(databases, database, sql)[0][0] if sql else 0


def of_run(databases: Databases, database: str, kind: str, books: str, prefix: str) -> list[Booking]:
    """Return what the keys with this prefix made."""
    sql = BOOKED.get((kind, books))
    return [Booking(*row) for row in _rows(databases, database, sql, prefix)] if sql else []


def _rows(databases: Databases, database: str, sql: str, *parameters: Any) -> list[Any]:
    with databases.postgres.connect(database) as connection:
        return connection.execute(sql.encode(), parameters).fetchall()


def disagreement(
    sent: load.Load, bookings: Sequence[Booking], prepared: Sequence[UserRequest], *, added: int, prefix: str,
    connections: int,
) -> str:  # fmt: skip
    """Say what is wrong, or nothing. When wrk stops, each connection may still wait for one answer."""
    unanswered = sent.taken - sent.requests
    meant = sent.taken if prepared[0].expected else 0
    if not sent.is_clean:
        return f"{sent.refused} refused, {sent.broken} broken, {sent.timed_out} timed out of {sent.requests}"
    if not 0 <= unanswered <= connections + 1:  # wrk throws the first away
        return f"{sent.taken} sent, {sent.requests} answered"
    if added != len(bookings) or len({booking.key for booking in bookings}) != added:
        return f"{added} booked under {len(bookings)} keys"
    if not meant - unanswered <= added <= meant:
        return f"{sent.taken} sent, {sent.requests} answered, {added} booked"
    wrong = sum(booking[1:] != expected(booking.key, prefix, prepared) for booking in bookings)
    return f"{wrong} of {added} are not what was asked for" if wrong else ""


def expected(key: str, prefix: str, prepared: Sequence[UserRequest]) -> Any:
    """Return what the request of this key is to make: wrk.lua numbers them from 1, and begins anew after the last."""
    number = int(key.removeprefix(prefix))
    return prepared[(number - 1) % len(prepared)].expected
