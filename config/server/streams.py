"""Streams: answers that are made while they are sent. Each keeps a thread, so they have a share and a deadline.

Each process has its own share. `api.export_slots` limits the streams of one user in all processes together.
"""

import threading
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from config.problems import problem_response
from config.problems.problem_types import TOO_MANY_STREAMS

#: A quarter of the threads.
MAX_STREAMS = max(1, (settings.TILL_DB_POOL_SIZE or 8) // 4)

#: After each chunk a stream rests for so many times as long as the chunk took to make. Meanwhile other threads run:
#: making a chunk keeps the interpreter and a core of PostgreSQL's busy.
REST = 3.0

#: Seconds that a rest takes at most: a chunk may have waited for PostgreSQL.
MAX_REST = 0.5
_WHOLE = "till_is_whole"

_share = threading.BoundedSemaphore(MAX_STREAMS)


class Cut(Exception):
    """The stream took too long. It ends here, and must not look complete."""


def is_stream(response: HttpResponseBase) -> bool:
    """Tell whether the answer is a stream. One that fits into one chunk is an ordinary answer."""
    return response.streaming and not hasattr(response, _WHOLE)


class StreamMiddleware:
    """Refuses a stream with 503 when the share is taken.

    Files are no streams: config.server.request_threads sends them without a thread.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, StreamingHttpResponse) or isinstance(response, FileResponse):
            return response
        chunks = iter(response)
        try:
            first, second = next(chunks, b""), next(chunks, None)
        except BaseException:  # it is never sent, so nobody else closes it; it may hold an atomic block
            response.close()
            raise
        if second is None:
            response.streaming_content = [first]
            setattr(response, _WHOLE, True)
        elif _share.acquire(blocking=False):
            response.streaming_content = LimitedStream((first, second), chunks)
        else:
            response.close()
            return problem_response(TOO_MANY_STREAMS)
        return response


class LimitedStream:
    """The chunks of a stream that has a place in the share. Closing it gives the place back."""

    def __init__(self, begun: tuple[bytes, ...], rest: Iterator[bytes]) -> None:
        self._begun, self._rest = begun, rest
        self._deadline = time.monotonic() + settings.TILL_STREAM_SECONDS
        self._holds = True

    def __iter__(self) -> Iterator[bytes]:
        yield from self._begun
        began = time.monotonic()
        for chunk in self._rest:
            if (produced_at := time.monotonic()) > self._deadline:
                raise Cut(f"An answer was cut off after {settings.TILL_STREAM_SECONDS} seconds.")
            yield chunk
            time.sleep(min((produced_at - began) * REST, MAX_REST))
            began = time.monotonic()

    def close(self) -> None:
        """Safe to repeat."""
        if self._holds:
            self._holds = False
            _share.release()
