"""What an amount is worth in another currency, and promising it for a while."""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.services import lock_user
from payments.commission.charging import charge
from payments.commission.models import Operation
from payments.exchange.models import Quote
from payments.exchange.services.rates import current_rate
from payments.exchange.terms import check_exchangeable, pair_in_use, proceeds_of
from payments.ledger.models import Currency

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


class TooManyQuotes(Exception):
    """Your newest quotes are all unused and still good: use one, or wait until one expires."""


@transaction.atomic
def quote(*, user_id: int, source: str, target: str, amount: Decimal) -> Quote:
    """Promise the present rate for TILL_QUOTE_SECONDS. Moves and reserves nothing. Not idempotent.

    Locks the user's row, to count. Raises TooManyQuotes, CurrencyUnavailable, SameCurrency, InvalidAmount or
    RateUnavailable.
    """
    _check_open_quotes(user_id)
    known = Currency.objects.in_bulk([source, target])
    currency, _ = pair_in_use(
        source, target, (known.get(source), known.get(target)), fields=("source_currency", "target_currency")
    )
    check_exchangeable(amount)
    rate = current_rate(source=source, target=target)
    proceeds, _ = proceeds_of(amount, rate)
    fee = charge(operation=Operation.EXCHANGE, currency=currency, amount=amount)
    now = timezone.now()
    return Quote.objects.create(
        user_id=user_id,
        source_currency=currency,
        target_currency_id=target,
        amount=amount,
        rate=rate,
        proceeds=proceeds,
        commission=fee.amount,
        rule=fee.rule,
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
