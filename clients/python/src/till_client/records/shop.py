"""Products, purchases, refunds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class Product(Record):
    """`stock` is None where it is not counted. `etag` goes into `if_match` of a change, if one product was read."""

    id: int
    title: str
    description: str
    price: Decimal
    currency: str
    is_active: bool
    stock: int | None
    created_at: datetime
    etag: str | None = field(default=None, compare=False, metadata={"header": "etag"})


@dataclass(frozen=True, kw_only=True)
class PurchasePreview(Record):
    """What a purchase would cost."""

    user: int
    product: int
    title: str
    wallet: int
    quantity: int
    unit_price: Decimal
    amount: Decimal
    currency: str
    refunded: Decimal
    status: str
    created_at: datetime
    reference: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Purchase(PurchasePreview):
    id: int
    transaction: int


@dataclass(frozen=True, kw_only=True)
class Refund(Record):
    id: int
    purchase: int
    amount: Decimal
    reason: str
    transaction: int
    created_at: datetime
    reference: str | None = None
    metadata: Mapping[str, str] | None = None
