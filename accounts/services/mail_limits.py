"""How many mails one inbox and one domain get, whatever names they are written to."""

from contextlib import suppress
from enum import Enum, auto
from typing import NamedTuple

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.rate_limits import seconds_over

#: Other names of one provider's domain.
_SAME_DOMAIN = {"googlemail.com": "gmail.com", "protonmail.com": "proton.me", "pm.me": "proton.me"}
#: Providers where dots in the name lead to the same inbox.
_IGNORE_DOTS = {"gmail.com", "proton.me"}


class Limited(Enum):
    BY_INBOX = auto()
    BY_DOMAIN = auto()


class Limit(NamedTuple):
    by: Limited
    seconds_left: float


def canonical_inbox(email: str) -> str:
    """Return the inbox that an address leads to: lower case, without +tags, without dots where they do not count."""
    name, _, domain = email.lower().rpartition("@")
    domain = _canonical_domain(domain)
    name = name.partition("+")[0] or name
    if domain in _IGNORE_DOTS:
        name = name.replace(".", "")
    return f"{name}@{domain}"


def limit_reached(email: str, *, is_notice: bool = False) -> Limit | None:
    """Count one mail to the address; return the limit that it is beyond, if any. The domain comes first.

    Notices of what was done have a limit of their own, which links that strangers ask for do not use up.
    """
    inbox = canonical_inbox(email)
    domain = inbox.rpartition("@")[2]
    if seconds := seconds_over(settings.TILL_MAILS_PER_DOMAIN, key=f"mail-domain:{_mark(domain)}"):
        return Limit(Limited.BY_DOMAIN, seconds)
    if seconds := seconds_over(
        settings.TILL_MAILS_PER_INBOX, key=f"mail-{'notices' if is_notice else 'inbox'}:{_mark(inbox)}"
    ):
        return Limit(Limited.BY_INBOX, seconds)
    return None


def _canonical_domain(domain: str) -> str:
    """Of an international domain the xn-- form, so that both spellings are one."""
    with suppress(UnicodeError):  # no name of the internet: it is counted as it stands
        domain = domain.encode("idna").decode("ascii").lower()
    return _SAME_DOMAIN.get(domain, domain)


def _mark(text: str) -> str:
    """A keyed digest: the counters hold nobody's address."""
    return salted_hmac("accounts.services.mail_limits", text).hexdigest()
