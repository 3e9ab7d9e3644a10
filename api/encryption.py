"""Text that only this service reads: a dump of the database does not show it. No Django, no settings.

Fernet tokens (AES-128-CBC and HMAC-SHA256) of `cryptography`. The keys are given newest first: the first encrypts,
each of them decrypts.
"""

import base64
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Undecryptable(Exception):
    """None of the keys has encrypted this, or somebody has changed it."""


def encrypt(text: str, keys: Sequence[str]) -> str:
    """Return a token of ASCII characters, another one each time. Raises ValueError without a key."""
    return _fernet(tuple(keys)).encrypt(text.encode()).decode()


def decrypt(token: str, keys: Sequence[str]) -> str:
    """Raises Undecryptable, and ValueError without a key."""
    try:
        return _fernet(tuple(keys)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise Undecryptable(str(Undecryptable.__doc__)) from None


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(key: str) -> bytes:
    """The 32 bytes that Fernet wants of a key of any form; the key itself must be random (config/checks.py)."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"till encryption").derive(key.encode())
