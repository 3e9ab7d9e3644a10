"""What a worker does before its first request."""

import os
import subprocess
import sys
import time

import pytest
from django.db import connection

from config.server.application import START_SECONDS
from tests.support.live import ROOT, UncheckedTill
from tests.support.raw_http import PATIENCE
from tests.support.sessions import last_statement

pytestmark = pytest.mark.slow

#: The last statement of a connection that the event loop has not used yet.
UNUSED = "DISCARD PLANS"


def test_a_worker_connects_before_its_first_request(committed_db: None) -> None:
    """For webhooks, writes and reads: under load, a connection takes a tenth of a second."""
    before = last_statement(UNUSED).sessions
    connection.close()
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while last_statement(UNUSED).sessions != before + 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        till.stop()


START = """
import asyncio, time

from config import asgi

async def start():
    messages = [{"type": "lifespan.startup"}]
    started = asyncio.Event()

    async def receive():
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message):
        assert message["type"] == "lifespan.startup.complete"
        started.set()

    began_at = time.monotonic()
    serving = asyncio.create_task(asgi.application({"type": "lifespan"}, receive, send))
    await started.wait()
    print(time.monotonic() - began_at)
    serving.cancel()

asyncio.run(start())
"""


@pytest.mark.parametrize("pool", ["8", "0"])
def test_a_worker_starts_without_the_database(pool: str) -> None:
    """And says so. Its first request tries it again."""
    environment = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "TILL_DB_POOL_SIZE": pool}
    process = subprocess.run([sys.executable, "-c", START], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert float(process.stdout) < START_SECONDS + 2
    assert "The database was not reached at the start" in process.stderr
