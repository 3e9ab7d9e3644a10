"""uvicorn in a thread of this process, so that a test can watch its connections from within."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from config.server.http_protocol import Protocol


@contextmanager
def serving(application: Any, http: type[Protocol], **options: Any) -> Iterator[int]:
    """Serve by this protocol, and yield the port."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, http=http, ws="none", log_config=None, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
