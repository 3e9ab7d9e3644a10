"""A mail server that accepts connections and says nothing holds up nobody but the mail."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings

from accounts.models import OutgoingMail
from tests.support.http import PLAIN
from tests.support.live import LiveTill
from tests.support.shop_users import PASSWORD
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

USERS = 6


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def till(committed_db: None, silent_server: socket.socket) -> Iterator[LiveTill]:
    """With two request threads: before mail was queued, two registrations at a time held them all."""
    port = silent_server.getsockname()[1]
    till = LiveTill(TILL_WORKERS="1", TILL_DB_POOL_SIZE="2", TILL_EMAIL_URL=f"smtp://127.0.0.1:{port}")
    till.start()
    yield till
    till.stop()


def test_nobody_waits_for_a_silent_mail_server(till: LiveTill, silent_server: socket.socket) -> None:
    def register(number: int) -> httpx.Response:
        body = {"email": f"user{number}@example.com", "password": PASSWORD}
        return httpx.post(f"{till.url}/api/v1/auth/register", json=body, timeout=60, verify=PLAIN)

    with ThreadPoolExecutor(USERS) as pool:
        answers = list(pool.map(register, range(USERS)))
    assert [answer.status_code for answer in answers] == [201] * USERS
    assert max(answer.elapsed.total_seconds() for answer in answers) < settings.EMAIL_TIMEOUT
    silent_server.settimeout(30)
    with silent_server.accept()[0]:
        wait_until(lambda: OutgoingMail.objects.filter(last_error__contains="timed out").exists())
    assert not OutgoingMail.objects.exclude(sent_at=None).exists()
