"""Users' requests make room for webhooks, whichever worker gets these."""

import os
import time

import pytest

from config.server import webhook_activity
from config.server.request_threads import MAX_REST_SECONDS, Share
from config.server.webhook_activity import ROOM_SECONDS, wants_room


@pytest.fixture
def no_webhooks() -> None:
    time.sleep(ROOM_SECONDS * 1.2)
    assert not wants_room()


def test_a_webhook_of_one_process_is_known_to_the_other(no_webhooks: None) -> None:
    """For a moment."""
    child = os.fork()
    if not child:
        webhook_activity.note()
        os._exit(0)
    os.waitpid(child, 0)
    assert wants_room()
    time.sleep(ROOM_SECONDS * 1.2)
    assert not wants_room()


@pytest.mark.parametrize("webhooks", [True, False])
def test_a_thread_that_makes_room_rests_for_as_long_as_it_worked(no_webhooks: None, *, webhooks: bool) -> None:
    share = Share("test", threads=1, unanswered=1, client_of=lambda _: b"", makes_room=True)
    if webhooks:
        webhook_activity.note()
    share.rest_after(0.04)
    began_at = time.monotonic()
    share.executor.submit(int).result()
    share.executor.shutdown()
    assert (time.monotonic() - began_at >= 0.035) is webhooks


def test_no_rest_is_long(no_webhooks: None) -> None:
    share = Share("test", threads=1, unanswered=1, client_of=lambda _: b"", makes_room=True)
    webhook_activity.note()
    share.rest_after(60)
    began_at = time.monotonic()
    share.executor.submit(int).result()
    share.executor.shutdown()
    assert time.monotonic() - began_at < 20 * MAX_REST_SECONDS
