"""Products, purchases, refunds."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from till_client import json_text
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
    matching,
    move,
    nothing,
    one,
    operation,
    send,
)
from till_client.records import Product, Purchase, PurchasePreview, Refund

#: For `stock`: do not count it any more.
UNCOUNTED: Final = "uncounted"


class Products(Resource[D]):
    @listing
    def list(
        self,
        *,
        currency: str | None = None,
        is_active: bool | None = None,
        price_min: Amount | None = None,
        price_max: Amount | None = None,
        search: str | None = None,
        ordering: str | None = None,
        limit: int | None = None,
    ) -> PagedCall[Product]:
        prices = {"price_min": optional_amount(price_min), "price_max": optional_amount(price_max)}
        query = {"currency": currency, "is_active": is_active, "search": search, "ordering": ordering}
        return get("/products", many(Product), **prices, **query, limit=limit)

    @operation
    def get(self, product: int) -> Call[Product]:
        return get(at("products", product), one(Product))

    # --- for admins ---

    @operation
    def create(
        self,
        *,
        title: str,
        price: Amount,
        currency: str | None = None,
        description: str | None = None,
        is_active: bool | None = None,
        stock: int | None = None,
    ) -> Call[Product]:
        members = {"title": title, "price": amount_text(price), "currency": currency, "description": description}
        return send("POST", "/products", one(Product), **members, is_active=is_active, stock=stock)

    @operation
    def change(
        self,
        product: int,
        *,
        title: str | None = None,
        price: Amount | None = None,
        currency: str | None = None,
        description: str | None = None,
        is_active: bool | None = None,
        stock: int | Literal["uncounted"] | None = None,
        if_match: str | None = None,
    ) -> Call[Product]:
        """Change what is given. With `if_match`, the `etag` that was read, another's change in between is not lost."""
        members: dict[str, Any] = {"title": title, "description": description, "currency": currency}
        members |= {"price": optional_amount(price), "is_active": is_active, "stock": stock}
        call = send("PATCH", at("products", product), one(Product), **members)
        if stock == UNCOUNTED:
            given = {name: value for name, value in members.items() if value is not None}
            call = replace(call, content=json_text.encode(given | {"stock": None}))
        return matching(call, if_match)

    @operation
    def delete(self, product: int, *, if_match: str | None = None) -> Call[None]:
        """Delete it, or archive it if it was ever sold."""
        return matching(Call(method="DELETE", path=at("products", product), read=nothing), if_match)


class Purchases(Resource[D]):
    @operation
    def create(
        self,
        *,
        product: int,
        wallet: int,
        quantity: int | None = None,
        expected_price: Amount | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Purchase]:
        members = {"product": product, "wallet": wallet, "quantity": quantity}
        own = {"reference": reference, "metadata": metadata}
        price = {"expected_price": optional_amount(expected_price)}
        return move("/purchases", one(Purchase), idempotency_key, **members, **price, **own)

    preview = create.preview(PurchasePreview)

    @listing
    def list(
        self,
        *,
        product: int | None = None,
        wallet: int | None = None,
        user: int | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Purchase]:
        query = {"product": product, "wallet": wallet, "user": user}
        own = {"reference": reference, "metadata": metadata}
        return get("/purchases", many(Purchase), **query, **own, from_=from_, to=to, limit=limit)

    @operation
    def get(self, purchase: int) -> Call[Purchase]:
        return get(at("purchases", purchase), one(Purchase))

    @operation
    def refund(
        self,
        purchase: int,
        *,
        amount: Amount | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Refund]:
        """Give back an amount, or all that is left (for admins)."""
        members = {"amount": optional_amount(amount), "reason": reason}
        return move(at("purchases", purchase, "refunds"), one(Refund), idempotency_key, **members)

    @listing
    def refunds(self, purchase: int, *, limit: int | None = None) -> PagedCall[Refund]:
        return get(at("purchases", purchase, "refunds"), many(Refund), limit=limit)
