"""Says what is available in a wallet and what is missing, to whoever may see the wallet."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.utils.translation import gettext as _

from api.decimals import format_amount
from payments.ledger.booking import InsufficientFunds


@contextmanager
def revealed(decimal_places: int) -> Iterator[None]:
    """Let a refusal for want of money have its sums. Only around what the wallet's owner asks, or an admin."""
    try:
        yield
    except InsufficientFunds as error:
        show(error, decimal_places)
        raise


def show(error: InsufficientFunds, decimal_places: int) -> None:
    """Add `available` and `missing` to the answer, and to its detail, in the currency's decimals."""
    if error.available is None or error.missing is None:
        return
    error.extra = members(error.available, error.missing, decimal_places)
    error.args = (sentence(error.extra, error.currency),)


def members(available: Decimal, missing: Decimal, decimal_places: int) -> dict[str, str]:
    return {
        "available": format_amount(available, decimal_places),
        "missing": format_amount(missing, decimal_places),
    }


def sentence(members: dict[str, str], currency: str) -> str:
    return _("%(available)s %(currency)s are available in the wallet, %(missing)s are missing.") % {
        **members,
        "currency": currency,
    }
