"""Till stops soon, whichever signal its master gets: by `kill`, by a Ctrl-C that reaches it alone."""

import signal
import time
from typing import Any

import pytest

from payments.conftest import stored
from tests.support.live import LiveTill
from tests.support.load_client import send_all
from tests.support.provider import SHA1_COLON

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_signal_to_the_master_alone_stops_it_soon(committed_db: None, alice: Any, number: signal.Signals) -> None:
    till = LiveTill(TILL_WORKERS="1")
    till.start()
    delivery = SHA1_COLON.notice(user_id=alice.pk, account_id=70)
    [reply] = send_all(till.url, [delivery], connections=1)
    assert reply.status == 200
    started = time.monotonic()
    till.stop(number)
    assert time.monotonic() - started < 10
    assert stored().postings == 1
