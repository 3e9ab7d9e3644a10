"""What an amount is worth in another currency, and promising it for a while."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.services import lock_user
from payments.commission.charging import charge
from payments.commission.models import CommissionRule, Operation
from payments.exchange.conversion import convert
from payments.exchange.models import Quote
from payments.exchange.services.rates import current_rate
from payments.ledger.models import Currency
from payments.ledger.services.currencies import CurrencyUnavailable, active_currency
from payments.money import DECIMAL_PLACES, InvalidAmount, check_amount, is_storable

_PRUNE_BATCH = 1000
# Whoever exchanges by a quote holds its row meanwhile: it is left for the next time.
_PRUNE = """
DELETE FROM payments_quote WHERE id IN (
    SELECT id FROM payments_quote quote
    WHERE id > %(after)s AND expires_at < %(horizon)s
        AND NOT EXISTS (SELECT FROM payments_exchange WHERE quote_id = quote.id)
    ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) RETURNING id
"""


class SameCurrency(Exception):
    """Money is exchanged between two different currencies."""

    def __init__(self, *, field: str) -> None:
        super().__init__(str(self.__doc__))
        self.field = field


class TooManyQuotes(Exception):
    """Your newest quotes are all unused and still good: use one, or wait until one expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An amount of the source's currency at a rate. proceeds + remainder = amount x rate, exactly."""

    amount: Decimal
    rate: Decimal
    proceeds: Decimal
    remainder: Decimal
    commission: Decimal
    rule: CommissionRule | None


def in_use(source: str, target: str, *, fields: tuple[str, str]) -> Currency:
    """Return the source's currency; both must be in use. Raises CurrencyUnavailable or SameCurrency naming a field."""
    currencies = []
    for code, field in zip((source, target), fields, strict=True):
        try:
            currencies.append(active_currency(code))
        except CurrencyUnavailable as error:
            error.field = field
            raise
    if source == target:
        raise SameCurrency(field=fields[1])
    return currencies[0]


def terms_now(*, source: Currency, target: str, amount: Decimal) -> Terms:
    """Return what the amount buys at this moment, and the commission, which comes on top in the source's currency.

    Raises InvalidAmount or RateUnavailable.
    """
    _check(amount)
    rate = current_rate(source=source.pk, target=target)
    proceeds, remainder = convert(amount, rate)
    if not proceeds:
        raise InvalidAmount("amount_too_small", f"At the rate {rate:f} nothing is left of this amount.")
    if not is_storable(proceeds):
        raise InvalidAmount("amount_too_large", "What this amount buys is more than a wallet can hold.")
    fee = charge(operation=Operation.EXCHANGE, currency=source, amount=amount)
    return Terms(amount=amount, rate=rate, proceeds=proceeds, remainder=remainder, commission=fee.amount, rule=fee.rule)


@transaction.atomic
def quote(*, user_id: int, source: str, target: str, amount: Decimal) -> Quote:
    """Promise the present rate for TILL_QUOTE_SECONDS. Moves and reserves nothing. Not idempotent.

    Locks the user's row, to count. Raises TooManyQuotes, CurrencyUnavailable, SameCurrency, InvalidAmount or
    RateUnavailable.
    """
    _check_open_quotes(user_id)
    currency = in_use(source, target, fields=("source_currency", "target_currency"))
    terms = terms_now(source=currency, target=target, amount=amount)
    now = timezone.now()
    return Quote.objects.create(
        user_id=user_id,
        source_currency=currency,
        target_currency_id=target,
        amount=terms.amount,
        rate=terms.rate,
        proceeds=terms.proceeds,
        commission=terms.commission,
        rule=terms.rule,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.TILL_QUOTE_SECONDS),
    )


def prune_quotes(*, older_than_hours: int) -> int:
    """Delete quotes that expired so long ago unused, in batches that each commit; return how many. Safe to repeat."""
    horizon = timezone.now() - timedelta(hours=older_than_hours)
    total, last = 0, 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_PRUNE, {"horizon": horizon, "batch": _PRUNE_BATCH, "after": last})
            deleted = [row[0] for row in cursor.fetchall()]
            if not deleted:
                return total
            total, last = total + len(deleted), max(deleted)


def _check_open_quotes(user_id: int) -> None:
    """Of the newest only: what this costs does not grow with the history."""
    lock_user(user_id)
    newest = Quote.objects.filter(user=user_id).order_by("-pk").values_list("expires_at", "exchange__id")
    looked_at, now = newest[: settings.TILL_OPEN_QUOTES], timezone.now()
    if sum(expires_at > now and not used for expires_at, used in looked_at) >= settings.TILL_OPEN_QUOTES:
        raise TooManyQuotes


def _check(amount: Decimal) -> None:
    """An exchange stays inside the system, so what an earlier one left can be exchanged to its last digit."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES:
        raise InvalidAmount("too_many_decimals", f"An amount has at most {DECIMAL_PLACES} decimal places.")
    check_amount(amount, decimal_places=DECIMAL_PLACES, maximum=Decimal(settings.TILL_MAX_AMOUNT))
