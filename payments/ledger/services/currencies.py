"""Opening currencies, and naming those that are not in use."""

from collections.abc import Collection
from copy import copy

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from api.versions import refuse_stale, row_version
from payments.ledger import booking
from payments.ledger.models import Currency
from staff.history import describe_changes, record

_OPENING_LOCK = 0x7111_0002  # an advisory lock: one new currency at a time


class CurrencyExists(Exception):
    """There is a currency of this code."""

    field = "code"


class CurrencyUnavailable(Exception):
    """There is no such currency, or it is not in use."""

    field = "currency"


@transaction.atomic
def open_currency(*, code: str, name: str, decimal_places: int) -> Currency:
    """Make a currency together with the house's wallets in it. Safe to repeat; an existing one is left as it is.

    Raises ValidationError naming the field when a value is out of range.
    """
    currency = Currency(code=code, name=name, decimal_places=decimal_places)
    currency.clean_fields()
    currency, _ = Currency.objects.get_or_create(code=code, defaults={"name": name, "decimal_places": decimal_places})
    booking.open_house(currency.code)
    return currency


@transaction.atomic
def new_currency(*, code: str, name: str, decimal_places: int, staff: User) -> Currency:
    """Make a currency that is not there yet, and note who did. Raises CurrencyExists or ValidationError."""
    with connection.cursor() as cursor:  # of two at once, the second waits and finds it
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_OPENING_LOCK])
    if Currency.objects.filter(pk=code).exists():
        raise CurrencyExists
    currency = open_currency(code=code, name=name, decimal_places=decimal_places)
    record(about=currency, staff=staff, text="Opened the currency.")
    return currency


def currency_version(currency: Currency) -> str:
    return row_version(currency, "code", "name", "decimal_places", "is_active")


@transaction.atomic
def change_currency(
    *, code: str, staff: User, if_version: Collection[str] | None = None, **fields: str | bool
) -> Currency:
    """Change `name` or `is_active` and note who did. Locks the row.

    Raises Currency.DoesNotExist, StaleVersion when the version is none of `if_version`, or ValidationError.
    """
    if unknown := fields.keys() - {"name", "is_active"}:
        raise TypeError(f"a currency keeps its {sorted(unknown)}")
    currency = Currency.objects.select_for_update(no_key=True).get(pk=code)
    refuse_stale(currency_version(currency), if_version)
    before = copy(currency)
    for name, value in fields.items():
        setattr(currency, name, value)
    currency.clean_fields()
    currency.save(update_fields=list(fields))
    record(about=currency, staff=staff, text=f"Changed: {describe_changes(before, currency, fields) or 'nothing'}.")
    return currency


def known_currency(code: str) -> Currency:
    """Return a currency, in use or not: what is held of it may leave. Raises CurrencyUnavailable."""
    currency = Currency.objects.filter(pk=code).first()
    if currency is None:
        raise CurrencyUnavailable(_("%(code)s is not a currency here.") % {"code": code})
    return currency


def active_currency(code: str) -> Currency:
    """Return a currency that is in use. Raises CurrencyUnavailable."""
    return in_use(Currency.objects.filter(pk=code).first(), code)


def in_use(currency: Currency | None, code: str, *, field: str = "currency") -> Currency:
    """Return what was found under the code, if it is in use. Raises CurrencyUnavailable naming the field."""
    if currency is None or not currency.is_active:
        error = CurrencyUnavailable(f"{code} is not a currency in use here.")
        error.field = field
        raise error
    return currency
