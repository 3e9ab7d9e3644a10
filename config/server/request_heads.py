"""The heads of webhooks, that is request line and headers: what the parser made of them, by their bytes.

A provider sends the same head again and again, with a few values of Content-Length. Parsing a head costs more than
verifying the notice, and the result is the same each time.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from config.server import webhook_endpoint

END: Final = b"\r\n\r\n"
#: A webhook's address has at most so many bytes.
MAX_ADDRESS_BYTES: Final = 200
#: How many heads are remembered, some 2 kB each. Providers send fewer.
MAX_HEADS: Final = 512
MAX_HEAD_BYTES: Final = 1024
#: Headers with another value in each request. A head with one of them will not be seen again.
FOR_ONE_REQUEST: Final = frozenset({"webhook-id", "x-request-id"})


@lru_cache(maxsize=256)
def webhook_address(url: bytes) -> tuple[str, str] | None:
    """Return the provider's slug and its form, when the webhook endpoint serves exactly this request target."""
    return webhook_endpoint.address("POST", url.decode("latin-1"))


class RequestHead(NamedTuple):
    """The head of a webhook. All requests that begin alike share it, so nothing changes it."""

    slug: str
    form: str
    #: Lower-case names, each once.
    headers: Mapping[str, str]
    #: Bytes of the body.
    length: int
    keep_alive: bool


class RequestHeads:
    """Heads that the parser has read, by their exact bytes. Only heads of valid webhooks are remembered."""

    def __init__(self) -> None:
        self._known: dict[bytes, RequestHead] = {}
        self.get = self._known.get

    def remember(self, read: bytes, body: bytes, head: RequestHead) -> None:
        """Remember the head of a webhook that arrived in one read, without another request, and was authentic.

        `read` is what the parser got, from the beginning of a message. `body` is the body that the parser found in it.
        If `read` ends with exactly this body, the body was not sent in chunks, so its length is its only framing.
        """
        written, _, rest = read.partition(END)
        if rest != body or len(written) > MAX_HEAD_BYTES or not FOR_ONE_REQUEST.isdisjoint(head.headers):
            return
        if len(self._known) >= MAX_HEADS:
            self._known.clear()
        self._known[written] = head


#: The heads that this process knows.
known_heads = RequestHeads()
