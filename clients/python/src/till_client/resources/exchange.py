"""Rates, quotes, exchanges."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from till_client.amounts import Amount, amount_text, optional_amount
from till_client.calls import (
    Call,
    D,
    PagedCall,
    Resource,
    at,
    get,
    listing,
    many,
    move,
    nothing,
    one,
    operation,
    send,
    time_text,
)
from till_client.records import Exchange, ExchangePreview, Quote, Rate, RateSet


class Rates(Resource[D]):
    @listing
    def list(
        self, *, source_currency: str | None = None, target_currency: str | None = None, limit: int | None = None
    ) -> PagedCall[Rate]:
        query = {"source_currency": source_currency, "target_currency": target_currency, "limit": limit}
        return get("/rates", many(Rate), **query)

    @operation
    def get(self, source: str, target: str) -> Call[Rate]:
        return get(at("rates", source, target), one(Rate))

    @operation
    def set(
        self,
        source: str,
        target: str,
        *,
        rate: Amount,
        origin: str | None = None,
        as_of: datetime | None = None,
        confirm: bool | None = None,
    ) -> Call[RateSet]:
        """Set the rate of one direction (for admins)."""
        members = {"rate": amount_text(rate), "origin": origin, "as_of": time_text(as_of), "confirm": confirm}
        return replace(send("PUT", at("rates", source, target), one(RateSet), **members), is_repeatable=True)

    @operation
    def remove(self, source: str, target: str) -> Call[None]:
        return Call(method="DELETE", path=at("rates", source, target), read=nothing)


class Quotes(Resource[D]):
    @operation
    def create(self, *, source_currency: str, target_currency: str, amount: Amount) -> Call[Quote]:
        """Ask for a rate that is promised for a while, for one exchange."""
        members = {"source_currency": source_currency, "target_currency": target_currency}
        return send("POST", "/quotes", one(Quote), **members, amount=amount_text(amount))

    @operation
    def get(self, quote: int) -> Call[Quote]:
        return get(at("quotes", quote), one(Quote))


class Exchanges(Resource[D]):
    @operation
    def create(
        self,
        *,
        source: int,
        destination: int,
        amount: Amount | None = None,
        quote: int | None = None,
        expected_rate: Amount | None = None,
        max_slippage: Amount | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Exchange]:
        """Exchange an `amount` at the rate of now, or what a `quote` promises."""
        terms = {"amount": optional_amount(amount), "quote": quote}
        limits = {"expected_rate": optional_amount(expected_rate), "max_slippage": optional_amount(max_slippage)}
        own = {"reference": reference, "metadata": metadata}
        wallets = {"source": source, "destination": destination}
        return move("/exchanges", one(Exchange), idempotency_key, **wallets, **terms, **limits, **own)

    preview = create.preview(ExchangePreview)

    @listing
    def list(
        self,
        *,
        source_currency: str | None = None,
        target_currency: str | None = None,
        wallet: int | None = None,
        user: int | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Exchange]:
        query = {"source_currency": source_currency, "target_currency": target_currency, "wallet": wallet, "user": user}
        own = {"reference": reference, "metadata": metadata}
        return get("/exchanges", many(Exchange), **query, **own, from_=from_, to=to, limit=limit)

    @operation
    def get(self, exchange: int) -> Call[Exchange]:
        return get(at("exchanges", exchange), one(Exchange))
