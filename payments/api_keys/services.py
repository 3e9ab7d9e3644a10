"""Making and revoking API keys, noted in their history."""

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import security_log
from accounts.api_keys import new_key_text
from accounts.key_scopes import Scope
from accounts.models import ApiKey, Role, User
from accounts.security_log import SecurityEvent
from accounts.services import lock_user
from payments.orders.services import NotAService
from staff.history import record

MAX_NETWORKS = 20


class InvalidKeyTerms(Exception):
    """A key has scopes, ends in the future, and is used from networks in CIDR notation."""

    def __init__(self, detail: str, *, field: str, code: str = "invalid") -> None:
        super().__init__(detail)
        self.field, self.code = field, code


class NewKey(NamedTuple):
    key: ApiKey
    #: The whole key. It is shown once and kept nowhere.
    text: str


@transaction.atomic
def add_key(
    *,
    user_id: int,
    name: str,
    scopes: Iterable[str],
    networks: Iterable[str] = (),
    expires_at: datetime | None = None,
    staff: User,
) -> NewKey:
    """Make a key for a service: each time another one. Locks the user's row.

    Raises InvalidKeyTerms, UnknownUser or NotAService.
    """
    wanted, blocks = _checked_scopes(scopes), _checked_networks(networks)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidKeyTerms(_("This time has passed."), field="expires_at")
    service = lock_user(user_id)
    if service.role != Role.SERVICE:
        raise NotAService
    text, prefix, digest = new_key_text()
    key = ApiKey(user=service, name=name, prefix=prefix, digest=digest, scopes=wanted, networks=blocks)
    key.expires_at, key.created_by = expires_at, staff
    key.save(force_insert=True)
    record(about=key, staff=staff, text=f"Made for {service}: {_terms(key)}.")
    scopes_text = ",".join(wanted)
    security_log.record_after_commit(SecurityEvent.API_KEY_CREATED, user_id=service.pk, key=prefix, scopes=scopes_text)
    return NewKey(key, text)


@transaction.atomic
def revoke_key(*, key_id: int, staff: User, reason: str = "") -> ApiKey:
    """End a key for ever, from the next request on. The row stays. Safe to repeat. Raises ApiKey.DoesNotExist."""
    key = ApiKey.objects.select_for_update(of=("self",), no_key=True).select_related("user").get(pk=key_id)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        record(about=key, staff=staff, text=f"Revoked.{f' Reason: {reason}' if reason else ''}")
        security_log.record_after_commit(SecurityEvent.API_KEY_REVOKED, user_id=key.user_id, key=key.prefix)
    return key


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return them in the order of the list of scopes, each once."""
    wanted = set(scopes)
    if not wanted or not wanted <= set(Scope.values):
        raise InvalidKeyTerms(_("One or more of %(values)s.") % {"values": ", ".join(Scope.values)}, field="scopes")
    return [scope for scope in Scope.values if scope in wanted]


def _checked_networks(networks: Iterable[str]) -> list[str]:
    """Return them as CIDR blocks. A single address is a block of one."""
    try:
        blocks = [_block(text) for text in networks]
    except ValueError as error:
        raise InvalidKeyTerms(_("CIDR blocks such as 203.0.113.0/24 or 2001:db8::/48."), field="networks") from error
    if len(blocks) > MAX_NETWORKS:
        raise InvalidKeyTerms(_("At most %(count)s.") % {"count": MAX_NETWORKS}, field="networks", code="max_length")
    return blocks


def _block(text: str) -> str:
    if "%" in text:  # Python reads any text after it, as the name of an interface of one machine
        raise ValueError(text)
    return str(ipaddress.ip_network(text))


def _terms(key: ApiKey) -> str:
    networks = f", from {', '.join(key.networks)}" if key.networks else ""
    end = f", until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
    return f"{', '.join(key.scopes)}{networks}{end}"
