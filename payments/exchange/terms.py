"""What an exchange must meet, promised or made: two currencies in use, its amount, and a rate that is not stale."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.exchange.conversion import convert
from payments.ledger.models import Currency
from payments.ledger.services import currencies
from payments.money import DECIMAL_PLACES, InvalidAmount, check_amount, is_storable


class SameCurrency(Exception):
    """Money is exchanged between two different currencies."""

    def __init__(self, *, field: str) -> None:
        super().__init__(str(self.__doc__))
        self.field = field


class RateUnavailable(Exception):
    """There is no rate for these currencies, or it is too old to be used."""


def pair_in_use(
    source: str, target: str, pair: tuple[Currency | None, Currency | None], *, fields: tuple[str, str]
) -> tuple[Currency, Currency]:
    """Return what stands under both codes. Raises CurrencyUnavailable or SameCurrency naming a field."""
    source_currency = currencies.in_use(pair[0], source, field=fields[0])
    target_currency = currencies.in_use(pair[1], target, field=fields[1])
    if source == target:
        raise SameCurrency(field=fields[1])
    return source_currency, target_currency


def check_exchangeable(amount: Decimal) -> None:
    """Raise InvalidAmount for what cannot be exchanged.

    An exchange stays inside the system, so what an earlier one left can be exchanged to its last digit.
    """
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES:
        raise InvalidAmount(
            "too_many_decimals",
            _("An amount has at most %(count)s decimal places.") % {"count": DECIMAL_PLACES},
        )
    check_amount(amount, decimal_places=DECIMAL_PLACES, maximum=Decimal(settings.TILL_MAX_AMOUNT))


def oldest_in_use() -> datetime:
    """Return the time before which a rate is stale."""
    return timezone.now() - timedelta(hours=settings.TILL_RATE_MAX_AGE_HOURS)


def rate_in_use(dated_rate: tuple[Decimal, datetime] | None, source: str, target: str) -> Decimal:
    """Return the rate, if there is one and its time is not too long ago. Raises RateUnavailable."""
    if dated_rate is None:
        raise RateUnavailable(
            _("There is no rate from %(source)s to %(target)s.") % {"source": source, "target": target}
        )
    rate, as_of = dated_rate
    if as_of < oldest_in_use():
        raise RateUnavailable(
            _("The rate from %(source)s to %(target)s is older than %(hours)s hours.")
            % {"source": source, "target": target, "hours": settings.TILL_RATE_MAX_AGE_HOURS}
        )
    return rate


def proceeds_of(amount: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    """Return (proceeds, remainder) as `convert` does. Raises InvalidAmount when no wallet could receive them."""
    proceeds, remainder = convert(amount, rate)
    if not proceeds:
        raise InvalidAmount(
            "amount_too_small", _("At the rate %(rate)s nothing is left of this amount.") % {"rate": f"{rate:f}"}
        )
    if not is_storable(proceeds):
        raise InvalidAmount("amount_too_large", _("What this amount buys is more than a wallet can hold."))
    return proceeds, remainder
