"""How passwords are stored, and in which thread they are hashed."""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TypeVar

from django.contrib.auth import hashers

T = TypeVar("T")

#: As `nice` counts: beside one that answers, a thread that hashes gets a tenth of a core; alone it gets a whole one.
NICENESS = 10

#: To order accents costs the square of their number. Longer texts are no passwords here, and stay as they are.
MAX_NORMALIZED_LENGTH = 1024


def normalized(password: str) -> str:
    """Return the one text of all that look the same: NFKC, as NIST SP 800-63B asks.

    A Mac sends `é` as two characters, Windows as one, a Japanese keyboard wide letters: the same password.
    """
    if password.isascii() or len(password) > MAX_NORMALIZED_LENGTH:
        return password
    return unicodedata.normalize("NFKC", password)


def _give_way() -> None:
    """Lower this thread's priority, on Linux only. A sandbox may refuse, and a thread that has a lower one keeps it."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


@cache
def _hashing() -> ThreadPoolExecutor:
    """One thread: hashing lets go of the interpreter, so two would take two cores."""
    return ThreadPoolExecutor(1, thread_name_prefix="till-hashing", initializer=_give_way)


os.register_at_fork(after_in_child=_hashing.cache_clear)  # a child has none of its parent's threads


def in_its_own_time(hash_: Callable[..., T], *arguments: str) -> T:
    """Hash in the thread of this process that gives way to all that answer. Not to be called from that thread."""
    return _hashing().submit(hash_, *arguments).result()


class NormalizingHasher(hashers.BasePasswordHasher):
    """Takes the normalized text, and the text as it was typed, for hashes made before."""

    def verify(self, password: str, encoded: str) -> bool:
        """Try both texts where they differ, also when the first is right: the time tells nothing."""
        texts = dict.fromkeys((normalized(password), password))
        verify = super().verify
        right = [in_its_own_time(verify, text, encoded) for text in texts]
        return any(right)


class OwaspArgon2PasswordHasher(NormalizingHasher, hashers.Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: about 35 ms, where Django's default, PBKDF2, takes 445 ms."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        text = normalized(password)
        if text != password:
            # As often as `verify`: Django hashes so for a user who does not exist.
            in_its_own_time(super().encode, password, salt)
        return in_its_own_time(super().encode, text, salt)


class NormalizingPBKDF2PasswordHasher(NormalizingHasher, hashers.PBKDF2PasswordHasher):
    """For hashes that were brought along from elsewhere; the next login hashes them anew."""
