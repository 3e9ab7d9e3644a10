"""Buying: one atomic block from the price to the money."""

from decimal import Decimal

from django.conf import settings
from django.db import transaction

from api.decimals import format_amount
from catalog.models import Product, Purchase
from payments.ledger import booking
from payments.models import Transaction, Wallet
from payments.money import InvalidAmount
from postgres.sequences import next_id


class PriceChanged(Exception):
    """The product's price is not the expected one."""

    field = "expected_price"

    def __init__(self, price: str) -> None:
        super().__init__(f"The price is {price} now.")
        self.extra = {"price": price}


class OutOfStock(Exception):
    """There are not as many pieces left."""

    field = "quantity"

    def __init__(self, stock: int) -> None:
        super().__init__(f"There are {stock} pieces left.")
        self.extra = {"stock": stock}


@transaction.atomic
def buy(
    *, user_id: int, product_id: int, wallet_id: int, quantity: int = 1, expected_price: Decimal | None = None
) -> Purchase:
    """Buy with a wallet of the user's own, at the price that stands under the product's row lock. Not idempotent.

    Locks the product, then the wallet. Raises Product.DoesNotExist when it is not on sale, PriceChanged, OutOfStock,
    InvalidAmount (too large altogether), and the ledger's WalletNotFound, CurrencyMismatch and InsufficientFunds.
    """
    product = _on_sale(product_id)
    if expected_price is not None and expected_price != product.price:
        raise PriceChanged(format_amount(product.price, product.currency.decimal_places))
    _take_from_stock(product, quantity)
    purchase = Purchase(
        pk=next_id(Purchase),
        user_id=user_id,
        product=product,
        title=product.title,
        wallet_id=wallet_id,
        quantity=quantity,
        unit_price=product.price,
        amount=_total(product, quantity),
        currency=product.currency,
    )
    purchase.transaction_id = _pay(purchase)
    purchase.save(force_insert=True)
    return purchase


def _on_sale(product_id: int) -> Product:
    """Lock the product, so that its price, stock and existence stay until this purchase is committed."""
    products = Product.objects.select_for_update(no_key=True, of=("self",)).select_related("currency")
    return products.get(pk=product_id, is_active=True)


def _take_from_stock(product: Product, quantity: int) -> None:
    if product.stock is None:
        return
    if product.stock < quantity:
        raise OutOfStock(product.stock)
    product.stock -= quantity
    product.version += 1
    product.save(update_fields=["stock", "version"])


def _total(product: Product, quantity: int) -> Decimal:
    """The price fits the currency's decimals, so every multiple does."""
    amount: Decimal = product.price * quantity
    if amount > Decimal(settings.TILL_MAX_AMOUNT):
        detail = f"All together must not be more than {settings.TILL_MAX_AMOUNT}."
        raise InvalidAmount("amount_too_large", detail, field="quantity")
    return amount


def _pay(purchase: Purchase) -> int:
    """Move the amount from the buyer's wallet to the house's sales; return the transaction's id."""
    locked = booking.lock([purchase.wallet_id])
    wallet = locked.wallets.get(purchase.wallet_id)
    if wallet is None or wallet.owner_id != purchase.user_id:
        raise booking.WalletNotFound
    sales = booking.house_wallet(Wallet.House.SALES, purchase.currency_id)
    posting = booking.NewPosting(purchase.wallet_id, sales, purchase.amount)
    payment = booking.NewTransaction(Transaction.Kind.PURCHASE, (posting,), f"purchase {purchase.pk}")
    return locked.book_one(payment).transaction_id
