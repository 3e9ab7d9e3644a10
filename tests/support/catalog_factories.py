"""Products put on sale and bought through the same doors as in production."""

from decimal import Decimal
from itertools import count
from typing import Any

from catalog import services
from catalog.models import Product
from payments.models import Wallet
from tests.support.factories import signed_in

PRODUCTS, PURCHASES = "/api/v1/products", "/api/v1/purchases"
_keys = count(1)


def a_product(**fields: Any) -> Product:
    """A pen for 25 dollars, of which there is no end, unless said otherwise."""
    wanted = {"title": "Pen", "description": "Steel nib.", "price": Decimal("25.00"), "currency": "USD"} | fields
    return services.create_product(**services.ProductFields(**wanted))  # type: ignore[typeddict-item]  # a dict


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def buy(user: Any, product: Product | int, wallet: Wallet | int, **body: Any) -> Any:
    wish = {"product": getattr(product, "pk", product), "wallet": getattr(wallet, "pk", wallet), **body}
    return signed_in(user).post(PURCHASES, wish, headers=new_key())


def bought(user: Any, product: Product, wallet: Wallet, **body: Any) -> dict[str, Any]:
    answer = buy(user, product, wallet, **body)
    assert answer.status_code == 201, answer.content
    purchase: dict[str, Any] = answer.json()
    return purchase


def refund(user: Any, purchase: int, **body: Any) -> Any:
    return signed_in(user).post(f"{PURCHASES}/{purchase}/refunds", body, headers=new_key())


def refused(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    """Assert that it is this problem, about these fields if any is named; return the body."""
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    if fields:
        assert [error["field"] for error in body["errors"]] == [*fields]
    return body


def shown_balance(wallet: Wallet) -> str:
    wallet.refresh_from_db()
    return f"{wallet.balance:.2f}"


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]
