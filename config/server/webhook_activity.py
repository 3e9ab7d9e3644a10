"""Whether webhooks are coming in to any worker of this server: then users' requests make room for the next ones."""

import mmap
import struct
import time

#: For so many seconds after a webhook was answered.
ROOM_SECONDS = 0.05
_SECONDS = struct.Struct("d")
# Anonymous and shared: gunicorn's master makes it as it loads this module, and its workers inherit it.
_answered_at = mmap.mmap(-1, _SECONDS.size)
_SECONDS.pack_into(_answered_at, 0, float("-inf"))


def note() -> None:
    """Remember that webhooks are answered at this moment. Of two workers at once the later one counts."""
    _SECONDS.pack_into(_answered_at, 0, time.monotonic())


def wants_room() -> bool:
    """Tell whether webhooks were answered a moment ago. It may be wrong about one moment, and harms nobody then."""
    answered_at: float = _SECONDS.unpack_from(_answered_at)[0]
    return time.monotonic() - answered_at < ROOM_SECONDS
