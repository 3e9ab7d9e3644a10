"""Positions follow commits: no event comes to stand before what somebody has read, however transactions overlap."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from payments.events import queries, relay
from payments.events.sources import registered
from payments.models import Event, EventSource
from tests.support.ledger import sql
from tests.support.threads import in_another_thread

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

Open = Callable[[], "Writer"]
_SEQUENCE = "pg_get_serial_sequence('payments_outboxevent', 'id')"
_INSERT = "INSERT INTO payments_outboxevent (type, data) VALUES ('user.enabled', '{}') RETURNING id"


class Writer:
    """A session that makes changes, each with a row in the outbox, and commits when the test says so."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self.session = session

    def run(self, statement: str, *parameters: int) -> int:
        row = self.session.execute(statement, parameters).fetchone()
        assert row is not None
        return int(row[0])

    def change(self) -> int:
        return self.run(_INSERT)

    def draw(self) -> int:
        """An id, and nothing else: the session's transaction has no id of its own yet."""
        return self.run(f"SELECT nextval({_SEQUENCE})")

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()


@pytest.fixture
def writer(committed_db: None) -> Iterator[Open]:
    with ExitStack() as sessions:
        parameters: dict[str, Any] = connection.get_connection_params()

        def opened() -> Writer:
            return Writer(sessions.enter_context(psycopg.connect(**parameters)))

        yield opened


def committed(by: Writer) -> int:
    row = by.change()
    by.commit()
    return row


def sequenced() -> list[int]:
    """The rows of the outbox that have a position, in the order of the feed."""
    relay.sequence()
    return list(Event.objects.order_by("position").values_list("source_id", flat=True))


def gaps() -> Any:
    return EventSource.objects.get(pk="outbox").gaps


def pass_often() -> None:
    for _ in range(5):
        relay.sequence()


# --- overlaps -----------------------------------------------------------------------------------------------


def test_what_commits_late_comes_after_what_was_read(writer: Open) -> None:
    slow, quick = writer(), writer()
    first, second = slow.change(), committed(quick)
    assert first < second
    assert sequenced() == [second]
    position = queries.last_position()
    pass_often()
    slow.commit()
    assert sequenced() == [second, first]
    assert [event.source_id for event in queries.page(position).events] == [first]


def test_what_is_rolled_back_is_no_event_and_holds_up_nothing(writer: Open) -> None:
    slow, quick = writer(), writer()
    slow.change()
    rows = [committed(quick)]
    assert sequenced() == rows
    slow.rollback()
    rows.append(committed(quick))
    assert sequenced() == rows
    pass_often()
    assert not gaps()
    assert sequenced() == rows


def test_who_has_drawn_an_id_and_nothing_else_is_waited_for(writer: Open) -> None:
    """Such a transaction has no id of its own yet, and would be overlooked by it."""
    slow, quick = writer(), writer()
    first, second = slow.draw(), committed(quick)
    assert sequenced() == [second]
    pass_often()
    slow.run("INSERT INTO payments_outboxevent (id, type, data) VALUES (%s, 'user.enabled', '{}') RETURNING id", first)
    slow.commit()
    assert sequenced() == [second, first]


def test_a_change_in_a_savepoint_that_was_rolled_back_frees_nobody(writer: Open) -> None:
    """The sequence stays locked until the end of the whole transaction."""
    slow, quick = writer(), writer()
    first = slow.draw()
    slow.session.execute("SAVEPOINT before")
    slow.change()
    slow.session.execute("ROLLBACK TO before")
    second = committed(quick)
    pass_often()
    slow.run("INSERT INTO payments_outboxevent (id, type, data) VALUES (%s, 'user.enabled', '{}') RETURNING id", first)
    slow.commit()
    assert sequenced() == [second, first]


def test_a_long_transaction_elsewhere_keeps_no_gap_open(writer: Open) -> None:
    """Nor does one that reads the sequence, as a backup does."""
    elsewhere, reading, slow, quick = writer(), writer(), writer(), writer()
    elsewhere.run("SELECT pg_current_xact_id()::text::bigint")
    reading.run("SELECT last_value FROM payments_outboxevent_id_seq")
    slow.change()
    committed(quick)
    relay.sequence()
    assert gaps()
    slow.rollback()
    pass_often()
    assert not gaps()


def test_a_gap_that_others_joined_is_given_up_when_its_own_writers_have_ended(writer: Open) -> None:
    first, second, quick = writer(), writer(), writer()
    lost = first.change()
    committed(quick)
    relay.sequence()
    late = second.change()
    committed(quick)
    relay.sequence()
    first.rollback()
    pass_often()
    assert lost not in [number for gap in gaps() for number in range(gap.lower, gap.upper)]
    second.commit()
    assert sequenced()[-1] == late


@pytest.mark.parametrize(
    ("seed", "steps"), [(8, 200), *(pytest.param(seed, 400, marks=pytest.mark.torture) for seed in range(50))]
)
def test_any_overlap_gives_each_committed_change_one_later_position(writer: Open, seed: int, steps: int) -> None:
    """A reader goes on from where it is, and has all at the end: one story of 200 steps, in `make torture` 51."""
    dice = random.Random(seed)
    writers = [writer() for _ in range(4)]
    pending: dict[Writer, list[int]] = {one: [] for one in writers}
    expected: set[int] = set()
    received: list[int] = []
    position = 0
    for _ in range(steps):
        one = dice.choice(writers)
        match dice.choice(("change", "change", "commit", "rollback", "read")):
            case "change":
                pending[one].append(one.change())
            case "commit":
                one.commit()
                expected |= {*pending[one]}
                pending[one].clear()
            case "rollback":
                one.rollback()
                pending[one].clear()
            case _:
                relay.sequence(limit=dice.choice((1, 2, 5, 5000)))
                page = queries.page(position, limit=dice.choice((1, 3, 100)))
                received += [event.source_id for event in page.events]
                position = page.position
    for one in writers:
        one.rollback()
    while relay.sequence(limit=3):
        pass
    received += [event.source_id for event in queries.page(position, limit=steps).events]
    assert len(received) == len(expected)
    assert set(received) == expected


# --- passes -------------------------------------------------------------------------------------------------


def test_a_pass_takes_no_more_than_its_limit(writer: Open) -> None:
    quick = writer()
    rows = [committed(quick) for _ in range(5)]
    assert [relay.sequence(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sequenced() == rows


def test_whoever_catches_up_leaves_nothing_without_a_position(writer: Open) -> None:
    quick = writer()
    rows = [committed(quick) for _ in range(5)]
    assert relay.catch_up(limit=2)
    assert queries.last_position() == 5
    assert sequenced() == rows


def test_who_cannot_catch_up_says_so(writer: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MAX_PASSES", 2)
    quick = writer()
    for _ in range(5):
        committed(quick)
    assert not relay.catch_up(limit=2)
    assert relay.catch_up(limit=2)


def test_whoever_catches_up_waits_for_a_relay_that_is_at_it(writer: Open) -> None:
    relay.sequence()
    committed(writer())
    with transaction.atomic():
        relay.sequence()
        caught_up = ThreadPoolExecutor(1).submit(in_another_thread, relay.catch_up)
        with pytest.raises(TimeoutError):
            caught_up.result(0.2)
    assert caught_up.result()


def test_late_rows_that_exceed_the_limit_come_before_newer_ones(writer: Open) -> None:
    slow, quick = writer(), writer()
    late = [slow.change() for _ in range(5)]
    first = committed(quick)
    assert sequenced() == [first]
    slow.commit()
    newer = committed(quick)
    assert [relay.sequence(limit=2) for _ in range(4)] == [2, 2, 2, 0]
    assert sequenced() == [first, *late, newer]


def test_only_one_relay_is_at_it_and_no_other_waits(writer: Open) -> None:
    relay.sequence()  # the first one of all inserts the row that the others lock
    rows = [committed(writer())]
    with transaction.atomic():
        assert relay.sequence() == 1
        assert in_another_thread(relay.sequence) == 0
    assert sequenced() == rows


def test_a_pass_that_is_rolled_back_has_given_nothing(writer: Open) -> None:
    rows = [committed(writer())]
    with transaction.atomic():
        assert relay.sequence() == 1
        transaction.set_rollback(True)
    assert queries.last_position() == 0
    assert sequenced() == rows


def test_on_a_server_that_only_reads_nothing_is_given(writer: Open) -> None:
    committed(writer())
    with transaction.atomic():
        sql("SET TRANSACTION READ ONLY")
        assert relay.sequence() == 0
        transaction.set_rollback(True)
    assert relay.sequence() == 1


def test_a_pass_looks_at_nothing_that_it_has_seen(writer: Open) -> None:
    """However long the history is."""
    slow, quick = writer(), writer()
    for _ in range(50):
        slow.change()
        slow.rollback()
        committed(quick)
    relay.sequence()
    committed(quick)
    with transaction.atomic():
        before = rows_read()
        assert relay.sequence() == 1
        assert rows_read() - before < 10


def rows_read() -> int:
    """How many rows of the outbox this session has read."""
    query = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'payments_outboxevent'"
    return int(sql(query)[0][0])


# --- what the relay relies on -------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [source.table for source in registered()])
def test_no_session_keeps_ids_of_a_source_in_reserve(db: None, table: str) -> None:
    """It would draw an id now and use it in a later transaction."""
    assert sql(
        "SELECT seqcache, seqincrement FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence(%s, 'id')::regclass",
        table,
    ) == [(1, 1)]
