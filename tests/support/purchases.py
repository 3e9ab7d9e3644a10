"""Products put on sale, bought and refunded."""

from typing import Any

from catalog.models import Product
from catalog.models.products import folded
from payments.models import Wallet
from tests.support import recipes
from tests.support.rest import API, new_key, signed_in, succeeded

PRODUCTS, PURCHASES = f"{API}/products", f"{API}/purchases"


def a_product(*, title: str = "Pen", description: str = "Steel nib.", **fields: Any) -> Product:
    """A pen for 25 dollars, of which there is no end, unless said otherwise."""
    search_text = f"{folded(title)}\n{folded(description)}"
    product: Product = recipes.product.make(title=title, description=description, search_text=search_text, **fields)
    return product


def buy(user: Any, product: Product | int, wallet: Wallet | int, **body: Any) -> Any:
    data = {"product": getattr(product, "pk", product), "wallet": getattr(wallet, "pk", wallet), **body}
    return signed_in(user).post(PURCHASES, data, headers=new_key())


def bought(user: Any, product: Product, wallet: Wallet, **body: Any) -> dict[str, Any]:
    return succeeded(buy(user, product, wallet, **body))


def refund(user: Any, purchase: int, **body: Any) -> Any:
    return signed_in(user).post(f"{PURCHASES}/{purchase}/refunds", body, headers=new_key())


def shown_balance(wallet: Wallet) -> str:
    wallet.refresh_from_db()
    return f"{wallet.balance:.2f}"
