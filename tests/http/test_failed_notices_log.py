"""The log line of a request that failed in the event loop: its own address, and how long it took."""

import asyncio
import logging
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from config.server import application
from config.server.http_protocol import Protocol
from config.server.request_heads import RequestHead
from config.server.webhook_cycle import WebhookCycle
from payments.webhooks import addresses, receiving
from tests.http.test_asgi import Conversation, part

WAITED = 0.1


class Written(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = b""

    def write(self, data: Any) -> None:
        self.bytes += bytes(data)

    def is_closing(self) -> bool:
        return False


async def answered_late(head: RequestHead) -> bytes:
    """What the sender of a notice is answered that nobody credited in time."""
    config = uvicorn.Config(application.application, http=Protocol, ws="none", log_config=None)
    protocol = Protocol(config, ServerState(), {}, asyncio.get_running_loop())
    transport = Written()
    protocol.connection_made(transport)
    cycle = WebhookCycle(protocol, head, b"", keep_alive=True)
    await asyncio.sleep(WAITED)
    cycle(receiving.DeadlinePassed())
    protocol.connection_lost(ConnectionResetError())
    return transport.bytes


@pytest.mark.parametrize(
    ("slug", "form", "path"),
    [
        ("sha256_concat", "sha256_concat", "/webhook/payment"),
        ("sha1_colon", "sha1_colon", "/payment/webhook"),
        ("acme", addresses.ANY_FORM, "/api/v1/webhooks/acme"),
    ],
)
def test_a_failed_notice_is_logged_with_its_address_and_its_time(
    caplog: pytest.LogCaptureFixture, slug: str, form: str, path: str
) -> None:
    with caplog.at_level(logging.WARNING, logger="till.access"):
        answer = asyncio.run(answered_late(RequestHead(slug, form, {}, 0, True)))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"\r\ncache-control: no-store\r\n" in answer
    assert_logged(caplog, f"POST {path} 503")


def test_what_the_loop_refuses_is_logged_with_its_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", WAITED)
    with caplog.at_level(logging.INFO, logger="till.access"):
        assert Conversation(part(b"half", more=True)).run().status == 408
    assert_logged(caplog, "POST /echo 408")


def assert_logged(caplog: pytest.LogCaptureFixture, message: str) -> None:
    [record] = [record for record in caplog.records if record.name == "till.access"]
    assert record.getMessage() == message
    assert cast("Any", record).duration_ms >= WAITED * 1000 * 0.9
