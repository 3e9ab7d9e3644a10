"""Users' requests make room for webhooks, whichever worker gets these."""

import asyncio
import json
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.tokens import open_family
from config import asgi
from config.server import request_threads, webhook_activity
from config.server.api_endpoint import ApiEndpoint
from config.server.api_requests import recognise
from config.server.request_threads import MAX_REST_SECONDS, Share
from config.server.webhook_endpoint import WebhookEndpoint
from payments.webhooks.addresses import slug_and_form
from tests.http.test_asgi import Conversation, part
from tests.support.live import ROOT
from tests.support.provider import SHA256_CONCAT
from tests.support.shop_users import API

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
import os, sys, time
from config.server import worker

webhook_activity = sys.modules["config.server.webhook_activity"]  # gunicorn's master has it, too
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


# --- who tells it, and who asks -----------------------------------------------------------------------------


def test_the_endpoint_of_webhooks_tells_it(committed_db: None, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = SHA256_CONCAT.notice(user_id=alice.pk)
    slug, form = slug_and_form(delivery.path) or ("", "")

    async def credit() -> Any:
        endpoint = WebhookEndpoint()
        try:
            return await endpoint.answer(slug, form, delivery.headers, delivery.body)
        finally:
            await endpoint.close(timeout=5)

    began_at = time.monotonic()
    assert json.loads(asyncio.run(credit()))["status"] == "credited"
    monkeypatch.setattr(webhook_activity, "ROOM_SECONDS", time.monotonic() - began_at)
    assert webhook_activity.wants_room()


@pytest.mark.parametrize(("method", "address"), [("GET", "wallets"), ("POST", "transfers")])
def test_requests_in_the_event_loop_rest(
    committed_db: None, alice: Any, monkeypatch: pytest.MonkeyPatch, method: str, address: str
) -> None:
    """Two that wait together are a batch of several."""
    monkeypatch.setattr(webhook_activity, "ROOM_SECONDS", LONG)
    webhook_activity.note()
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float) -> None:
        slept.append(seconds)
        await sleep(seconds)

    access = open_family(user=alice).access
    body = b'{"source": 1, "destination": 2, "amount": "1.00"}' if method == "POST" else b""

    async def ask() -> None:
        endpoint = ApiEndpoint()
        answers = []
        for key in (b"one", b"two"):
            headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {access}".encode())]
            headers += [(b"content-type", b"application/json"), (b"idempotency-key", key)] if body else []
            request = recognise(method, f"{API}/{address}", b"", headers, "http", body)
            assert request is not None
            answers.append(endpoint.answer(request))
        await asyncio.gather(*answers)
        await endpoint.close(timeout=5)

    monkeypatch.setattr(asyncio, "sleep", noting)
    asyncio.run(ask())
    assert any(seconds > 0 for seconds in slept)


def test_the_thread_of_logins_rests(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_activity, "ROOM_SECONDS", LONG)
    webhook_activity.note()
    slept: list[float] = []
    monkeypatch.setattr(request_threads, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept.append))
    body = json.dumps({"email": "nobody@example.com", "password": "correct horse 42"}).encode()
    login = Conversation(part(body), headers={"content-type": "application/json", "content-length": str(len(body))})
    login.scope |= {"path": "/api/v1/auth/login", "raw_path": b"/api/v1/auth/login"}
    asyncio.run(asgi.application(login.scope, login.receive, login.send))
    request_threads.password_share.executor.submit(int).result()
    assert login.sent[0]["status"] == 401
    assert len(slept) == 1
    assert 0 < slept[0] <= MAX_REST_SECONDS
