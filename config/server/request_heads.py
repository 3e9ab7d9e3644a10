"""The heads of webhooks: what a request line and its headers say, remembered by their bytes.

A provider sends the same head again and again, but for a few values of Content-Length. Parsing it costs more than
verifying the notice below it, and says the same each time.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from config.server import webhook_endpoint

END: Final = b"\r\n\r\n"
#: At best this many bytes in the request line: what is longer is no webhook.
MAX_ADDRESS_BYTES: Final = 200
#: How much is remembered: some 2 kB for each head, and more than providers ever send.
MAX_HEADS: Final = 512
MAX_HEAD_BYTES: Final = 1024
#: Another value in each request: such a head will not be seen again.
FOR_ONE_REQUEST: Final = frozenset({"webhook-id", "x-request-id"})


@lru_cache(maxsize=256)
def webhook_address(url: bytes) -> tuple[str, str] | None:
    """Return the provider's slug and its form, when the webhook endpoint serves exactly this request target."""
    return webhook_endpoint.address("POST", url.decode("latin-1"))


class RequestHead(NamedTuple):
    """What stands above the body of a webhook. Shared by all requests that begin alike, so nothing changes it."""

    slug: str
    form: str
    #: Lower-case names, each once.
    headers: Mapping[str, str]
    #: Bytes in the body below it.
    length: int
    keep_alive: bool


class RequestHeads:
    """What the parser made of whole heads, by their exact bytes. For requests that it has found to be good."""

    def __init__(self) -> None:
        self._known: dict[bytes, RequestHead] = {}
        self.get = self._known.get

    def remember(self, read: bytes, body: bytes, head: RequestHead) -> None:
        """Remember the head of a webhook that was read at once, alone, and whose notice was authentic.

        `read` is what the parser was given, from the beginning of a message; `body` is what it found in it. Only a
        body that is announced by its length stands there as it is, so nothing else about its framing is looked at.
        """
        written, _, rest = read.partition(END)
        if rest != body or len(written) > MAX_HEAD_BYTES or not FOR_ONE_REQUEST.isdisjoint(head.headers):
            return
        if len(self._known) >= MAX_HEADS:
            self._known.clear()
        self._known[written] = head


#: Those of this process.
known_heads = RequestHeads()
