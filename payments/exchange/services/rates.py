"""Rates: one for each direction, set by staff or loaded, and refused once they are too old."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from payments.exchange.conversion import MAX_RATE, RATE_DECIMAL_PLACES, gains, inverse, moves_far, rate_loss
from payments.exchange.models import ExchangeRate
from payments.exchange.terms import oldest_in_use, rate_in_use
from payments.ledger.services.currencies import CurrencyUnavailable, active_currency
from staff.history import record

STAFF_ORIGIN = "staff"
#: Clocks of the service and of who sends the time may differ by so much.
_CLOCKS_DIFFER = timedelta(minutes=1)


class InvalidRate(Exception):
    """The rate breaks a rule: `field` names the input."""

    def __init__(self, detail: str, *, field: str = "rate") -> None:
        super().__init__(detail)
        self.field = field


class ConfirmationRequired(Exception):
    """The rate moves by more than 10 %."""

    field = "confirm"

    def __init__(self, *, last: Decimal, new: Decimal) -> None:
        super().__init__(
            _("The rate was %(last)s and would be %(new)s, more than 10 %% away. Confirm it.")
            % {"last": f"{last:.10f}", "new": f"{new:.10f}"}
        )
        self.extra = {"last_rate": f"{last:.10f}", "new_rate": f"{new:.10f}"}


def is_stale(rate: ExchangeRate) -> bool:
    """Tell whether the rate is older than TILL_RATE_MAX_AGE_HOURS: nothing is exchanged at it then."""
    return rate.as_of < oldest_in_use()


def current_rate(*, source: str, target: str) -> Decimal:
    """Return what one unit of the source buys of the target at this moment. Raises RateUnavailable."""
    rates = ExchangeRate.objects.filter(source_currency=source, target_currency=target)
    return rate_in_use(rates.values_list("rate", "as_of").first(), source, target)


def gaining_back(rate: ExchangeRate) -> ExchangeRate | None:
    """Return the rate of the way back if who goes there and back would gain; at the house's cost."""
    back = ExchangeRate.objects.filter(
        source_currency=rate.target_currency_id, target_currency=rate.source_currency_id
    ).first()
    return back if back and gains(rate.rate, back.rate) else None


@transaction.atomic
def set_rate(
    *,
    source: str,
    target: str,
    rate: Decimal,
    staff: User,
    origin: str = STAFF_ORIGIN,
    as_of: datetime | None = None,
    confirm: bool = False,
) -> ExchangeRate:
    """Set the rate of one direction, as of now unless said otherwise, and note it in its history. Safe to repeat.

    Locks the rate's row. Raises InvalidRate or CurrencyUnavailable. Raises ConfirmationRequired for an unconfirmed rate
    that moves by more than 10 %. It is compared with the last one, or else with the rate of the way back. Whether
    there and back would gain is for the caller to ask (`gaining_back`): staff decide that.
    """
    now = timezone.now()
    _check(rate=rate, as_of=as_of or now, now=now)
    _check_pair(source, target)
    last = _last_rate(source, target)
    far = last is not None and moves_far(last, rate)
    if last is not None and far and not confirm:
        raise ConfirmationRequired(last=last, new=rate)
    stored, created = ExchangeRate.objects.update_or_create(
        source_currency_id=source,
        target_currency_id=target,
        defaults={"rate": rate, "origin": origin, "as_of": as_of or now},
    )
    change = "Added" if created else "Set"
    confirmed = f" Was {last:.10f}; confirmed." if far else ""
    record(
        about=stored, staff=staff, text=f"{change}: {rate:f}, {origin}, as of {stored.as_of.isoformat()}.{confirmed}"
    )
    return stored


@transaction.atomic
def remove_rate(*, source: str, target: str, staff: User) -> None:
    """Remove the rate of one direction: nothing is exchanged that way any more; quotes keep what they promised.

    Raises ExchangeRate.DoesNotExist.
    """
    rates = ExchangeRate.objects.select_for_update(of=("self",))
    rate = rates.get(source_currency=source, target_currency=target)
    record(about=rate, staff=staff, text=f"Removed: was {rate.rate:f}, {rate.origin}.")
    rate.delete()


def _last_rate(source: str, target: str) -> Decimal | None:
    """Lock the direction's row; return its rate, or what the way back says where this direction has none."""
    standing = ExchangeRate.objects.select_for_update(no_key=True, of=("self",))
    last = standing.filter(source_currency=source, target_currency=target).first()
    if last:
        return Decimal(last.rate)
    back = ExchangeRate.objects.filter(source_currency=target, target_currency=source).first()
    return inverse(back.rate) if back else None


def check_rate(rate: Decimal) -> None:
    """Refuse what a rate cannot be: not positive, too large, more than ten decimals. Raises InvalidRate."""
    if not rate.is_finite() or not 0 < rate <= MAX_RATE:
        raise InvalidRate(_("A rate is more than 0 and at most %(maximum)s.") % {"maximum": MAX_RATE})
    exponent = rate.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > RATE_DECIMAL_PLACES:
        raise InvalidRate(
            _("A rate has at most %(count)s decimal places; the rest would be %(share)s of it.")
            % {"count": RATE_DECIMAL_PLACES, "share": f"{rate_loss(rate):.4%}"}
        )


def _check(*, rate: Decimal, as_of: datetime, now: datetime) -> None:
    check_rate(rate)
    if as_of > now + _CLOCKS_DIFFER:
        raise InvalidRate(_("The time lies in the future: such a rate would never be too old."), field="as_of")


def _check_pair(source: str, target: str) -> None:
    for field, code in (("source", source), ("target", target)):
        try:
            active_currency(code)
        except CurrencyUnavailable as error:
            error.field = field
            raise
    if source == target:
        raise InvalidRate(_("A rate leads from one currency to another."), field="target")
