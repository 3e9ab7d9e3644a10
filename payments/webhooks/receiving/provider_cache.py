"""The providers as this process last read them, so that a signature is checked before any query."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import TextField
from django.db.models.functions import Cast

from api.encryption import Undecryptable, decrypt
from payments.ledger.models import Currency
from payments.webhooks.field_maps import FieldMap
from payments.webhooks.models import Provider
from payments.webhooks.signatures import HmacOptions

logger = logging.getLogger("till.webhooks")

_MAX_AMOUNT = Decimal(settings.TILL_MAX_AMOUNT)
MAX_AGE_SECONDS = 5.0
#: From this age on the copy still serves, and is to be read anew meanwhile (`renew`).
RENEW_AGE_SECONDS = MAX_AGE_SECONDS / 2
#: After a refused signature the providers are read again, since a secret may have changed. Beyond
#: MAX_REFRESHES_A_SECOND they are read only when the copy is this old.
MIN_AGE_SECONDS = 0.25
#: While the database is away, the old copy serves. `get` tries to read again after so many seconds.
RETRY_SECONDS = 1.0
#: So many refused signatures a second each make the cache read the table. For further ones MIN_AGE_SECONDS holds.
MAX_REFRESHES_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class CachedProvider:
    """A copy of a provider's row. Two equal copies mean that the row has not changed."""

    id: int
    slug: str
    scheme: str
    secrets: tuple[str, ...] = field(repr=False)
    currency: str
    decimal_places: int
    requires_uuid: bool
    #: The provider's own limit, or the service's when that is less.
    max_amount: Decimal
    #: The time of its last change, as PostgreSQL writes it: a text is compared faster than a time.
    version: str
    #: Where the fields stand in its notices; None: the scheme says it.
    field_map: FieldMap | None = None
    hmac_options: HmacOptions | None = None
    #: The currencies that its notices may name, with their decimals: its own alone if it has a limit.
    currencies: Mapping[str, int] = field(default_factory=dict)


class ProviderCache:
    """Active providers by slug, read again after MAX_AGE_SECONDS. Shared by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._providers: dict[str, CachedProvider] = {}
        self._read_at = float("-inf")
        self._refreshes = (0, 0)  # in which second, how many

    def get(self, slug: str) -> CachedProvider | None:
        """Return the active provider from memory; reads the database at most once in MAX_AGE_SECONDS.

        While the database is away, the old copy serves. That is safe: crediting compares its version with the row.
        """
        try:
            self._reload(MAX_AGE_SECONDS)
        except (OperationalError, InterfaceError):
            if not self._providers:
                raise
            self._read_at = time.monotonic() - MAX_AGE_SECONDS + RETRY_SECONDS
        return self._providers.get(slug)

    def is_stale(self) -> bool:
        """Tell whether the next `get` would read the database."""
        return time.monotonic() - self._read_at >= MAX_AGE_SECONDS

    def is_due(self) -> bool:
        """Tell whether `renew` would read the database."""
        return time.monotonic() - self._read_at >= RENEW_AGE_SECONDS

    def renew(self) -> None:
        """Read the database if the copy is older than RENEW_AGE_SECONDS, so that no notice has to wait for it.

        Raises when the database is away; the copy is as it was.
        """
        self._reload(RENEW_AGE_SECONDS)

    def peek(self, slug: str) -> CachedProvider | None:
        """Return the active provider as last read, however long ago. Never queries."""
        return self._providers.get(slug)

    def refresh(self, slug: str) -> CachedProvider | None:
        """Return the provider as it is now; in a flood of forgeries, as it was MIN_AGE_SECONDS ago.

        Raises when the database is away.
        """
        second = int(time.monotonic())
        refreshes = self._refreshes[1] + 1 if self._refreshes[0] == second else 1
        self._refreshes = (second, refreshes)
        self._reload(0 if refreshes <= MAX_REFRESHES_A_SECOND else MIN_AGE_SECONDS)
        return self._providers.get(slug)

    def invalidate(self) -> None:
        """Make the next `get` read the database, even when a read that began before the change is under way."""
        with self._lock:
            self._read_at = float("-inf")

    def _reload(self, max_age: float) -> None:
        if time.monotonic() - self._read_at < max_age:
            return
        with self._lock:
            if time.monotonic() - self._read_at < max_age:
                return
            started = time.monotonic()
            self._providers = {provider.slug: provider for provider in _read()}
            self._read_at = started


def _read() -> list[CachedProvider]:
    """Read the table. Secrets are decrypted here, so that no notice pays for it."""
    rows = list(
        Provider.objects.filter(is_active=True)
        .select_related("currency")
        .defer("secret", "previous_secret")
        .annotate(
            version=Cast("updated_at", TextField()),
            token=Cast("secret", TextField()),
            previous_token=Cast("previous_secret", TextField()),
        )
    )
    currencies: Mapping[str, int] = {}
    if any(map(_takes_any_currency, rows)):  # read once for all of them: strangers can make this run often
        currencies = dict(Currency.objects.values_list("code", "decimal_places"))
    return [provider for row in rows if (provider := _cached(row, currencies))]


def _takes_any_currency(row: Provider) -> bool:
    return bool(row.currency_pointer) and row.max_amount is None


def _cached(row: Any, currencies: Mapping[str, int]) -> CachedProvider | None:
    """Return a copy of the row. None: no key decrypts its secret, and only this provider's notices are refused."""
    try:
        tokens = (token for token in (row.token, row.previous_token) if token)
        secrets = tuple(decrypt(token, settings.TILL_ENCRYPTION_KEYS) for token in tokens)
        field_map = row.field_map()
    except Undecryptable:
        logger.error("The secret of the provider %s cannot be decrypted: is TILL_ENCRYPTION_KEYS complete?", row.slug)
        return None
    except ValueError:  # written past the form: the other providers are served all the same
        logger.exception("The pointers of the provider %s cannot be read", row.slug)
        return None
    return CachedProvider(
        id=row.pk,
        slug=row.slug,
        scheme=row.scheme,
        secrets=secrets,
        currency=row.currency_id,
        decimal_places=row.currency.decimal_places,
        requires_uuid=row.requires_uuid,
        max_amount=_MAX_AMOUNT if row.max_amount is None else min(_MAX_AMOUNT, row.max_amount),
        version=row.version,
        field_map=field_map,
        hmac_options=row.hmac_options(),
        currencies=currencies if _takes_any_currency(row) else {row.currency_id: row.currency.decimal_places},
    )


provider_cache = ProviderCache()
