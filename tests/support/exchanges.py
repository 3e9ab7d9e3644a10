"""Rates, quotes, exchanges and transfers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from payments.models import ExchangeRate, Wallet
from tests.support import recipes
from tests.support.rest import API, new_key, signed_in, succeeded

RATES, QUOTES, EXCHANGES, TRANSFERS = (f"{API}/{name}" for name in ("rates", "quotes", "exchanges", "transfers"))


def store_rate(source: str = "USD", target: str = "EUR", value: str = "0.9", *, hours_old: float = 0) -> ExchangeRate:
    """Set a rate as it stands in the table, however old."""
    pair: dict[str, Any] = {"source_currency_id": source, "target_currency_id": target}
    rate = ExchangeRate.objects.filter(**pair).first() or recipes.exchange_rate.prepare(**pair)
    rate.rate, rate.as_of = Decimal(value), timezone.now() - timedelta(hours=hours_old)
    rate.save()
    rate.refresh_from_db()
    return rate


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
