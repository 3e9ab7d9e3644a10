"""A purchase: what it asks and locks, and how it is decided."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from api.decimals import format_amount
from catalog.models import Product, Purchase
from payments.ledger import booking, shortfall
from payments.ledger.queries.ledger_questions import known_currency
from payments.metadata.members import NOTHING, Attached
from payments.models import Transaction, Wallet
from payments.money import InvalidAmount
from payments.operations.plan import Questions, UnitOfWork
from postgres.parameters import BIGINT, RowsStatement
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question, QuestionBatch

# The lock keeps price, stock and existence until the purchase is committed.
_ON_SALE = Question(
    """
SELECT asked.n, product.title, product.price, product.stock, product.version,
    currency.code, currency.name, currency.decimal_places, currency.is_active
FROM {rows} AS asked (n, product_id)
JOIN catalog_product product ON product.id = asked.product_id AND product.is_active
JOIN payments_currency currency ON currency.code = product.currency_id
ORDER BY product.id FOR NO KEY UPDATE OF product
""",
    BIGINT,
    order=LockOrder.PRODUCTS,
)
_NEW_ID = Question("SELECT asked.n, nextval('catalog_purchase_id_seq') FROM {rows} AS asked (n, number)", BIGINT)
_STOCK = RowsStatement(
    "UPDATE catalog_product SET stock = r.stock, version = r.version"
    " FROM {rows} AS r (id, stock, version) WHERE catalog_product.id = r.id",
    *(BIGINT, BIGINT, BIGINT),
)


# Which wallets may pay for a product: the first hundred. What pays is chosen among them under their locks.
# A batch would share the limit, and nothing asks this in a batch.
_WALLETS_OF_CURRENCY = Question(
    """
SELECT asked.n, wallet.id
FROM {rows} AS asked (n, product_id, user_id)
JOIN catalog_product product ON product.id = asked.product_id
JOIN payments_wallet wallet ON wallet.owner_id = asked.user_id AND wallet.currency_id = product.currency_id
ORDER BY wallet.id LIMIT 100
""",
    *(BIGINT, BIGINT),
)


class PriceChanged(Exception):
    """The product's price is not the expected one."""

    field = "expected_price"

    def __init__(self, price: str) -> None:
        super().__init__(_("The price is %(price)s now.") % {"price": price})
        self.extra = {"price": price}


class OutOfStock(Exception):
    """There are not as many pieces left."""

    field = "quantity"

    def __init__(self, stock: int) -> None:
        left = ngettext("There is %(count)s piece left.", "There are %(count)s pieces left.", stock)
        super().__init__(left % {"count": stock})
        self.extra = {"stock": stock}


@dataclass(slots=True, kw_only=True)
class PurchasePlan:
    """Buys at the price that stands under the product's lock. Locks the product, then the wallet."""

    user_id: int
    product_id: int
    wallet_id: int
    quantity: int = 1
    expected_price: Decimal | None = None
    attached: Attached = NOTHING
    _product: Rows = field(default_factory=list)
    _id: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        questions.lock_wallets(self.wallet_id)
        self._product = questions.ask(_ON_SALE, self.product_id)
        self._id = questions.ask_anew(_NEW_ID)

    def decide(self, work: UnitOfWork) -> Purchase:
        """Return the purchase.

        Raises Product.DoesNotExist when it is not on sale, PriceChanged, OutOfStock, InvalidAmount (too large
        altogether), and the ledger's WalletNotFound, CurrencyMismatch and InsufficientFunds.
        """
        if not self._product:
            raise Product.DoesNotExist
        title, price, stock, version, *columns = self._product[0]
        currency = known_currency(*columns)
        if self.expected_price not in (None, price):
            raise PriceChanged(format_amount(price, currency.decimal_places))
        if stock is not None and stock < self.quantity:
            raise OutOfStock(stock)
        amount = _total(price, self.quantity)
        self.choose_wallet(work, amount)
        purchase = Purchase(
            pk=self._id[0][0],
            user_id=self.user_id,
            product_id=self.product_id,
            title=title,
            wallet_id=self.wallet_id,
            quantity=self.quantity,
            unit_price=price,
            amount=amount,
            currency=currency,
            created_at=work.now,
            reference=self.attached.reference,
            metadata=self.attached.metadata,
        )
        purchase.transaction_id = _pay(work, purchase)
        if stock is not None:
            stock, version = stock - self.quantity, version + 1
            work.update(_STOCK, self.product_id, stock, version)
            work.change_answer(self._product, title, price, stock, version, *columns)
        work.insert(purchase)
        return purchase

    def choose_wallet(self, work: UnitOfWork, amount: Decimal) -> None:
        """The wallet was named."""


@dataclass(slots=True, kw_only=True)
class AnyWalletPurchasePlan(PurchasePlan):
    """Buys from the first of the user's wallets in the product's currency that holds enough. Locks all of them."""

    wallet_id: int = 0
    _wallets: Rows = field(default_factory=list)

    def find(self, questions: QuestionBatch) -> None:
        self._wallets = questions.ask(_WALLETS_OF_CURRENCY, self.product_id, self.user_id)

    def ask(self, questions: Questions) -> None:
        questions.lock_wallets(*(wallet_id for (wallet_id,) in self._wallets))
        PurchasePlan.ask(self, questions)

    def choose_wallet(self, work: UnitOfWork, amount: Decimal) -> None:
        """Take the first that holds enough, by ascending id. Where none does, the first is short of money."""
        mine = [work.own_wallet(wallet_id, self.user_id) for (wallet_id,) in self._wallets]
        enough = (wallet.id for wallet in mine if wallet.available >= amount)
        self.wallet_id = next(enough, mine[0].id if mine else self.wallet_id)


def _total(price: Decimal, quantity: int) -> Decimal:
    """The price fits the currency's decimals, so every multiple does."""
    amount = price * quantity
    if amount > Decimal(settings.TILL_MAX_AMOUNT):
        detail = _("All together must not be more than %(maximum)s.") % {"maximum": settings.TILL_MAX_AMOUNT}
        raise InvalidAmount("amount_too_large", detail, field="quantity")
    return amount


def _pay(work: UnitOfWork, purchase: Purchase) -> int:
    """Move the amount from the buyer's wallet to the house's sales; return the transaction's id."""
    wallet = work.own_wallet(purchase.wallet_id, purchase.user_id)
    sales = booking.house_wallet(Wallet.House.SALES, purchase.currency_id)
    posting = booking.NewPosting(wallet.id, sales, purchase.amount)
    payment = booking.NewTransaction(Transaction.Kind.PURCHASE, (posting,), f"purchase {purchase.pk}")
    with shortfall.revealed(purchase.currency.decimal_places):
        return work.book(payment).transaction_id
