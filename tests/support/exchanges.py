"""Rates, quotes, exchanges and transfers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from payments.models import CommissionRule, ExchangeRate, Quote, Wallet
from tests.support.rest import API, new_key, signed_in, succeeded

RATES, QUOTES, EXCHANGES, TRANSFERS = (f"{API}/{name}" for name in ("rates", "quotes", "exchanges", "transfers"))


def store_rate(source: str = "USD", target: str = "EUR", value: str = "0.9", *, hours_old: float = 0) -> ExchangeRate:
    """Set a rate as it stands in the table, however old."""
    found, _ = ExchangeRate.objects.update_or_create(
        source_currency_id=source,
        target_currency_id=target,
        defaults={"rate": Decimal(value), "origin": "test", "as_of": timezone.now() - timedelta(hours=hours_old)},
    )
    found.refresh_from_db()
    return found


def commission_rule(operation: str, currency: str = "USD", **terms: Any) -> CommissionRule:
    return CommissionRule.objects.create(
        operation=operation, currency_id=currency, valid_from=timezone.now() - timedelta(hours=1), **terms
    )


def post_exchange(user: Any, source: Wallet | int, destination: Wallet | int, **body: Any) -> Any:
    return post(EXCHANGES, user, source=source, destination=destination, **body)


def post_transfer(user: Any, source: Wallet | int, amount: str, **body: Any) -> Any:
    return post(TRANSFERS, user, source=source, amount=amount, **body)


def post(path: str, user: Any, **body: Any) -> Any:
    """Send it under a new key; of a wallet its id."""
    data = {name: getattr(value, "pk", value) for name, value in body.items()}
    return signed_in(user).post(path, data, headers=new_key())


def post_quote(user: Any, amount: Any = "100", source: str = "USD", target: str = "EUR") -> Any:
    body = {"source_currency": source, "target_currency": target, "amount": amount}
    return signed_in(user).post(QUOTES, body)


def new_quote(user: Any, amount: str = "100", source: str = "USD", target: str = "EUR") -> int:
    return int(succeeded(post_quote(user, amount, source, target))["id"])


def expired_quote(quote_id: int, user: Any) -> int:
    """Make a quote like this one, of some time ago: a quote itself never changes."""
    quote = Quote.objects.get(pk=quote_id, user=user)
    quote.pk, quote._state.adding = None, True
    quote.created_at, quote.expires_at = timezone.now() - timedelta(minutes=2), timezone.now() - timedelta(minutes=1)
    quote.save()
    return int(quote.pk)
