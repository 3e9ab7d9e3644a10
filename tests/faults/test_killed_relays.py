"""Relays that are killed at any moment, while webhooks come in: a reader misses nothing, and gets nothing twice."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.event_checks import FeedReader
from tests.support.live import ROOT, UncheckedTill
from tests.support.load_client import send_all
from tests.support.provider import FORMS

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

#: Without a pause, so that a kill meets a pass.
RELAY = """
import django
django.setup()
from payments.events import relay
while True:
    relay.sequence(limit=50)
"""


@pytest.fixture
def till(committed_db: None) -> Iterator[UncheckedTill]:
    till = UncheckedTill(TILL_MAIL_ACTIVATION_LINK="0", TILL_WORKERS="2", DJANGO_SETTINGS_MODULE="config.settings")
    till.start()
    yield till
    till.stop()


@contextmanager
def relay_of(till: UncheckedTill) -> Iterator[None]:
    """One that is killed at the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", RELAY], cwd=ROOT, env=till.environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def kill_relays(till: UncheckedTill, owner: Any, *, kills: int, notices: int) -> None:
    reader = FeedReader()
    for _ in range(kills):
        deliveries = [
            random.choice(FORMS).notice(user_id=owner.pk, account_id=random.randint(1, 9), amount="0.01")
            for _ in range(notices)
        ]
        with ThreadPoolExecutor(1) as background, relay_of(till):
            sending = background.submit(send_all, till.url, deliveries, connections=16)
            before, pause = len(reader.received), random.uniform(0, 0.5)
            while len(reader.received) == before:
                reader.read()  # until the relay has begun
            time.sleep(pause)
        assert {reply.status for reply in sending.result()} == {200}
    reader.has_received_everything_once()
    assert len(reader.received) >= kills * notices


def test_killed_relays_lose_and_repeat_nothing(till: UncheckedTill, alice: Any) -> None:
    kill_relays(till, alice, kills=2, notices=300)


@pytest.mark.torture
def test_relays_killed_fifty_times_lose_and_repeat_nothing(till: UncheckedTill, alice: Any) -> None:
    kill_relays(till, alice, kills=50, notices=1_000)
