"""Users' requests make room for webhooks, whichever worker gets these."""

import subprocess
import sys
import time

import pytest

from config.server import request_threads, webhook_activity
from config.server.request_threads import Share
from tests.support.live import ROOT

#: Longer than any pause of a busy machine.
LONG = 60.0


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Share:
    """One that makes room. Its next job begins after its rest."""
    monkeypatch.setattr(webhook_activity, "ROOM_SECONDS", LONG)
    return Share("test", threads=1, unanswered=1, client_of=lambda _: b"", makes_room=True)


def seconds_of_rest(share: Share, after: float) -> float:
    began_at = time.monotonic()
    share.rest_after(after)
    ended_at = share.executor.submit(time.monotonic).result()
    share.executor.shutdown()
    return ended_at - began_at


NOTE_IN_CHILD = f"""
import os, time
from config.server import webhook_activity

webhook_activity.ROOM_SECONDS = {LONG}
print(webhook_activity.wants_room())
if not os.fork():
    webhook_activity.note()
    os._exit(0)
os.wait()
print(webhook_activity.wants_room())
webhook_activity.ROOM_SECONDS = 0.01
time.sleep(0.02)
print(webhook_activity.wants_room())
"""


def test_a_webhook_of_one_process_is_known_to_the_other() -> None:
    """For a moment."""
    process = subprocess.run(
        [sys.executable, "-c", NOTE_IN_CHILD], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert process.stdout.split() == ["False", "True", "False"]


def test_a_thread_that_makes_room_rests_for_as_long_as_it_worked(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_threads, "MAX_REST_SECONDS", LONG)
    webhook_activity.note()
    assert seconds_of_rest(share, 0.5) >= 0.5


def test_no_rest_is_long(share: Share) -> None:
    webhook_activity.note()
    assert seconds_of_rest(share, LONG) < LONG / 2


def test_without_webhooks_nobody_rests(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_threads, "MAX_REST_SECONDS", LONG)
    monkeypatch.setattr(webhook_activity, "ROOM_SECONDS", 0.0)
    webhook_activity.note()
    assert seconds_of_rest(share, 5) < 5
