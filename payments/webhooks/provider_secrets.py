"""What a provider's secret must be, and making one. No Django, no database."""

import base64
import binascii
import secrets
from collections.abc import Collection

from api.marked import marked
from payments.webhooks import signatures

#: As many bytes as the Standard Webhooks specification asks for.
MIN_BYTES = 24
_STANDARD = "standard_webhooks"
_STRIPE = "stripe"

#: Published samples are signed with these, so everybody knows them: development mode only.
PUBLISHED = {
    "sha1_colon": "appkey",
    "sha256_concat": "gfdmhghif38yrf9ew0jkf32",
    "standard_webhooks": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
}


def make(scheme: str) -> str:
    """Return a new random secret in the scheme's form, of 32 bytes."""
    key = secrets.token_bytes(32)
    if scheme == _STANDARD:
        return signatures.STANDARD_SECRET_PREFIX + base64.b64encode(key).decode()
    if scheme == _STRIPE:
        return signatures.STANDARD_SECRET_PREFIX + base64.b64encode(key, b"xy").decode().rstrip("=")
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def problem_with(secret: str, *, scheme: str, allowed: Collection[str] = ()) -> str:
    """Return what is wrong with a new secret, in one sentence; empty when nothing is. `allowed` are never wrong."""
    if secret in allowed:
        return ""
    if is_published(secret):
        return marked("Everybody knows this secret: it is published.")
    if size(secret, scheme=scheme) < MIN_BYTES:
        return marked("A secret has at least %(count)s bytes.", count=MIN_BYTES)
    if len(set(secret.removeprefix(signatures.STANDARD_SECRET_PREFIX))) < 8:
        return marked("A secret is random: this one repeats itself.")
    return ""


def is_published(secret: str) -> bool:
    """Tell whether it is one of the published ones, whichever scheme it was published for and however it is written."""
    bare = secret.strip().removeprefix(signatures.STANDARD_SECRET_PREFIX).rstrip("=")
    return bare in {known.removeprefix(signatures.STANDARD_SECRET_PREFIX) for known in PUBLISHED.values()}


def size(secret: str, *, scheme: str) -> int:
    """Return how many bytes sign: of a Standard Webhooks secret those that it encodes, 0 when it encodes none.

    A prefix that all secrets of a scheme have does not count.
    """
    if scheme == _STRIPE:
        return len(secret.removeprefix(signatures.STANDARD_SECRET_PREFIX).encode())
    if scheme != _STANDARD:
        return len(secret.encode())
    try:
        return len(signatures.standard_key(secret))
    except (ValueError, binascii.Error):
        return 0
