"""Two long answers at a time for each user, whichever process sends them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from api.export_slots import MAX_EXPORTS, ExportPlace, TooManyExports
from tests.support.admin_pages import staff_client
from tests.support.ledger import wallet_with
from tests.support.rest import signed_in
from tests.support.staff_site import url
from tests.support.waiting import wait_until


class Process:
    """A thread with a connection of its own: to PostgreSQL that is another process."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._place: ExportPlace | None = None

    def begins(self, user: Any) -> None:
        self._place = self._thread.submit(lambda: ExportPlace(user_id=user.pk)).result()

    def ends(self) -> None:
        if self._place:
            self._thread.submit(self._place.close).result()

    def dies(self) -> None:
        """Close the connection without a word, and wait until PostgreSQL has seen it."""
        pid = self._thread.submit(lambda: connection.connection.info.backend_pid).result()
        self._thread.submit(lambda: connection.connection.close()).result()
        self._place = None
        wait_until(lambda: not has_session(pid))

    def leaves(self) -> None:
        self._thread.submit(lambda: connections["default"].close()).result()
        self._thread.shutdown()


def has_session(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
        return bool(cursor.fetchall())


@pytest.fixture
def processes(committed_db: None) -> Iterator[list[Process]]:
    processes = [Process() for _ in range(MAX_EXPORTS + 1)]
    yield processes
    for process in processes:
        process.ends()
        process.leaves()


def test_a_user_has_two_at_a_time_in_all_processes(processes: list[Process], alice: Any, bob: Any) -> None:
    *others, last = processes
    for process in others:
        process.begins(alice)
    with pytest.raises(TooManyExports):
        last.begins(alice)
    last.begins(bob)
    last.ends()
    others[0].ends()
    last.begins(alice)


def test_a_place_is_free_when_its_process_died(processes: list[Process], alice: Any) -> None:
    *others, last = processes
    for process in others:
        process.begins(alice)
    others[0].dies()
    last.begins(alice)


def test_one_too_many_is_told_so(processes: list[Process], alice: Any, admin: Any) -> None:
    wallet = wallet_with(alice, "USD", "5")
    for user, ask, phrase in (
        (alice, lambda: signed_in(alice).get(f"/api/v1/wallets/{wallet.pk}/statement", {"format": "csv"}), "too_many"),
        (admin, lambda: staff_client(admin).get(url(type(wallet), "export")), "Two of your exports are being sent"),
    ):
        for process in processes[:MAX_EXPORTS]:
            process.begins(user)
        answer: Any = ask()
        assert (answer.status_code, phrase in answer.content.decode()) == (503, True)
        assert int(answer["Retry-After"]) >= 1
        for process in processes[:MAX_EXPORTS]:
            process.ends()
        answer = ask()
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)
