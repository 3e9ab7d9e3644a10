"""The stage of the stateful test: people, wallets, webhooks and orders, each step beside a bank on paper."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count, product
from typing import Any, TypeVar

from django.utils import timezone
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from accounts.models import User
from catalog.models import Product, Purchase
from payments.audit import audit
from payments.exchange import services as counter
from payments.ledger import booking as ledger
from payments.ledger.services.wallets import open_wallet
from payments.models import (
    CommissionRule,
    Deposit,
    Exchange,
    ExchangeRate,
    ExternalWallet,
    Posting,
    Reversal,
    Wallet,
    Withdrawal,
)
from payments.orders import services as orders
from payments.webhooks import receiving
from tests.support import recipes
from tests.support.bank import Bank, Leg, ModelProduct, ModelWallet, Order, Sale, Side
from tests.support.notices import NOBODY, notice
from tests.support.purchases import a_product

T = TypeVar("T")
PLACES = {"USD": 2, "EUR": 2, "JPY": 0}
_stories = count(1)

CURRENCY = some.sampled_from(list(PLACES))
PAIR = some.tuples(CURRENCY, CURRENCY)
NUMBER = some.integers(0, 60)  # which one of those that there are
USER = some.integers(0, 2)
WHO = some.sampled_from([3, 3, 3, 3, 0, 1, 2])  # 3: the wallet's owner
AMOUNT = some.one_of(
    some.integers(1, 200).map(Decimal),
    some.integers(1, 200).map(Decimal),
    some.integers(1, 200).map(Decimal),
    some.integers(1, 50).map(Decimal),
    some.integers(1, 20_000).map(lambda cents: Decimal(cents).scaleb(-2)),
    some.sampled_from([Decimal(0), Decimal(-1), Decimal("1.001"), Decimal("0.0000000001"), Decimal(10**18 + 1)]),
)
SENT = some.one_of(some.integers(1, 500), some.integers(1, 500).map(lambda cents: Decimal(cents) / 100)).map(Decimal)
RATE = some.integers(1, 3 * 10**10).map(lambda units: Decimal(units).scaleb(-10))
SETTLEMENT = some.sampled_from(["", "paid", "rejected"])  # at once, or none yet
SERVICE, STAFF, OWNER = 0, 1, 2


class Customers(RuleBasedStateMachine):
    """alice, bob and mallory, each trying what is hers or his and what is not; a service; and staff."""

    def __init__(self) -> None:
        super().__init__()
        story = next(_stories)
        self.bank = Bank(PLACES)
        self.users = recipes.user.make(_quantity=3)
        self.service, self.staff = recipes.service.make(), recipes.admin.make()
        recipes.settlement_scope.make(service=self.service)
        self.ids = [user.pk for user in self.users]
        self.banks = [
            (recipes.bank_account.make(owner=user, currency_id=code), (user.pk, code))
            for user in self.users
            for code in ("USD", "JPY")
        ]
        self.products = [
            self._new_product("USD", "12.50", None),
            self._new_product("JPY", "300", 3),
            self._new_product("EUR", "4.00", 9),
        ]
        self.accounts = [10_000 * story + number for number in range(4)] + [10**15 * 5]
        self.sent: list[tuple[receiving.Notice, receiving.Outcome]] = []
        self._begin()

    def _new_product(self, currency: str, price: str, stock: int | None) -> ModelProduct:
        return ModelProduct(
            a_product(price=Decimal(price), currency_id=currency, stock=stock).pk, currency, Decimal(price), stock
        )

    def _begin(self) -> None:
        """No rules, three rates, and money in each currency for everybody; the house has what earlier stories left."""
        CommissionRule.objects.filter(valid_until=None).update(valid_until=timezone.now())
        ExchangeRate.objects.all().delete()
        self.house_before = _houses()
        self.set_rate(pair=("USD", "JPY"), rate=Decimal("149.9250374813"))
        self.set_rate(pair=("JPY", "USD"), rate=Decimal("0.0066700001"))
        self.set_rate(pair=("USD", "EUR"), rate=Decimal("0.9"))
        for who, currency in product(range(len(self.users)), PLACES):
            self.open_wallet(who=who, currency=currency)
            wallet = sorted(self.bank.wallets).index(max(self.bank.wallets))
            self.request_deposit(who=who, number=wallet, amount=Decimal(1000), status="paid")

    # --- words ----------------------------------------------------------------------------------------------------

    def wallet(self, number: int) -> int:
        known = sorted(self.bank.wallets)
        return known[number % len(known)]

    def user(self, who: int, wallet: int) -> int:
        return self.ids[who] if who < len(self.ids) else self.bank.wallets[wallet].owner

    def attempt(self, refusal: str, call: Callable[[], T]) -> T | None:
        """Do it. It must succeed, or be refused with an error of this name."""
        try:
            done = call()
        except Exception as error:
            if type(error).__qualname__ != refusal:
                raise
            return None
        assert not refusal, f"{refusal} was expected"
        return done

    def note(self, transaction: int, kind: str, legs: list[Leg]) -> None:
        """Put on paper what was booked, leg by leg."""
        postings = Posting.objects.filter(transaction=transaction, transaction__kind=kind).order_by("pk")
        written = list(postings.values_list("source_id", "destination_id", "amount"))
        assert written == [(_id(source), _id(destination), amount) for source, destination, amount in legs]
        self.bank.move(transaction, kind, legs)

    # --- wallets, webhooks ------------------------------------------------------------------------------------------

    @rule(who=USER, currency=CURRENCY)
    def open_wallet(self, who: int, currency: str) -> None:
        opened = open_wallet(owner_id=self.ids[who], currency=currency)
        self.bank.wallets[opened.pk] = ModelWallet(self.ids[who], currency)

    @rule(who=some.integers(0, 3), account=some.integers(0, 4), amount=SENT)
    def credit(self, who: int, account: int, amount: Decimal) -> None:
        user = self.ids[who] if who < len(self.ids) else NOBODY
        self._send(notice(user_id=user, account=self.accounts[account], amount=str(amount)))

    @rule(who=USER, number=NUMBER, amount=SENT)
    def credit_a_known_wallet(self, who: int, number: int, amount: Decimal) -> None:
        self._send(notice(user_id=self.ids[who], account=self.wallet(number), amount=str(amount)))

    def _send(self, new_notice: receiving.Notice) -> None:
        [outcome] = receiving.credit([new_notice])
        refusal = self._refuses_notice(new_notice)
        assert type(outcome).__name__ == (refusal or "Credited")
        assert not isinstance(outcome, Exception) or isinstance(outcome, receiving.WebhookRefused)
        if isinstance(outcome, receiving.Credited):
            assert not outcome.duplicate
            self.bank.wallets.setdefault(new_notice.account_id, ModelWallet(new_notice.user_id, "USD"))
            self.note(
                outcome.transaction_id, "deposit", [(("clearing", "USD"), new_notice.account_id, new_notice.amount)]
            )
            assert outcome.balance == self.bank.wallets[new_notice.account_id].balance
        self.sent.append((new_notice, outcome))

    def _refuses_notice(self, new_notice: receiving.Notice) -> str:
        wallet = self.bank.wallets.get(new_notice.account_id)
        if wallet and wallet.owner == new_notice.user_id:
            return "" if wallet.currency == "USD" else "WalletCurrencyMismatch"
        if new_notice.user_id not in self.ids:
            return "UserNotFound"
        if wallet:
            return "WalletOwnerMismatch"
        return "CreditWalletNotFound" if new_notice.account_id >= 10**15 else ""

    @precondition(lambda self: self.sent)
    @rule(number=NUMBER)
    def repeat_a_notice(self, number: int) -> None:
        new_notice, first = self.sent[number % len(self.sent)]
        if not isinstance(first, receiving.Credited):
            del self.sent[number % len(self.sent)]
            self._send(new_notice)
            return
        assert receiving.credit([new_notice]) == [first._replace(duplicate=True)]

    @precondition(lambda self: self.sent)
    @rule(number=NUMBER)
    def send_another_notice_under_its_id(self, number: int) -> None:
        new_notice, _ = self.sent[number % len(self.sent)]
        [outcome] = receiving.credit([new_notice._replace(amount=new_notice.amount + 1)])
        assert isinstance(outcome, receiving.TransactionIdConflict)

    # --- orders -----------------------------------------------------------------------------------------------------

    @rule(who=WHO, number=NUMBER, amount=AMOUNT, status=SETTLEMENT)
    def request_deposit(self, who: int, number: int, amount: Decimal, status: str) -> None:
        wallet = self.wallet(number)
        user = self.user(who, wallet)
        order = self.attempt(
            self.bank.refuses_deposit(user, wallet, amount),
            lambda: orders.request_deposit(user_id=user, wallet_id=wallet, amount=amount),
        )
        if order:
            self._note_order(order.pk, "deposit", wallet, amount)
            self._settle(self.bank.orders[-1], status, self.service)

    @rule(who=WHO, number=NUMBER, to=NUMBER, amount=AMOUNT)
    def request_withdrawal(self, who: int, number: int, to: int, amount: Decimal) -> None:
        wallet = self.wallet(number)
        self._withdraw(self.user(who, wallet), wallet, self.banks[to % len(self.banks)], amount, "")

    @rule(number=NUMBER, amount=AMOUNT, status=SETTLEMENT)
    def request_a_withdrawal_that_may_go(self, number: int, amount: Decimal, status: str) -> None:
        bank = self.banks[number % len(self.banks)]
        if wallet := self.bank.first(*bank[1]):
            self._withdraw(bank[1][0], wallet, bank, amount, status)

    def _withdraw(
        self, user: int, wallet: int, bank: tuple[ExternalWallet, tuple[int, str]], amount: Decimal, status: str
    ) -> None:
        order = self.attempt(
            self.bank.refuses_withdrawal(user, wallet, amount, bank[1]),
            lambda: orders.request_withdrawal(
                user_id=user, wallet_id=wallet, external_wallet_id=bank[0].pk, amount=amount
            ),
        )
        if order:
            self._note_order(order.pk, "withdrawal", wallet, amount)
            self.bank.wallets[wallet].held += amount
            self._settle(self.bank.orders[-1], status, self.service)

    def _note_order(self, id_: int, kind: str, wallet: int, amount: Decimal) -> None:
        fee = self.bank.fee(kind, self.bank.currency(wallet), amount)
        self.bank.orders.append(Order(id_, kind, wallet, amount, fee))

    @precondition(lambda self: self.bank.orders)
    @rule(number=NUMBER, status=some.sampled_from(["paid", "paid", "rejected"]), by=some.integers(0, 8))
    def settle(self, number: int, status: str, by: int) -> None:
        order = self.bank.orders[number % len(self.bank.orders)]
        self._settle(order, status, self.users[0] if by == OWNER else self.staff if by == STAFF else self.service)

    def _settle(self, order: Order, status: str, by: User) -> None:
        """An order without a status stays pending."""
        if not status:
            return
        wanted = [] if status == "rejected" else self.bank.settling(order)
        refusal = self._refuses_settling(order, status, wanted, by)
        settled: Any = self.attempt(refusal, lambda: settle_order(order, status, by))
        if settled is None or order.status != "pending":
            return
        order.status, order.transaction = status, settled.transaction_id
        if order.kind == "withdrawal":
            self.bank.wallets[order.wallet].held -= order.amount
        if wanted:
            self.note(settled.transaction_id, order.kind, wanted)

    def _refuses_settling(self, order: Order, status: str, legs: list[Leg], by: User) -> str:
        if by in self.users:
            return f"{order.kind.title()}.DoesNotExist"
        if order.status != "pending":
            return "" if order.status == status else "AlreadySettled"
        wallet = self.bank.wallets[order.wallet]
        held = order.amount if order.kind == "withdrawal" else Decimal(0)
        wallet.held -= held
        refusal = self.bank.refusal(legs, overdraws=order.kind == "deposit")
        wallet.held += held
        return refusal

    @rule(days=some.sampled_from([0, 1, 1, 1]))
    def expire_orders(self, days: int) -> None:
        list(orders.expire_orders(older_than=timedelta(days=days)))
        for order in self.bank.orders:
            if order.status == "pending" and not days:
                order.status = "rejected"
                self.bank.wallets[order.wallet].held -= order.amount if order.kind == "withdrawal" else 0

    # --- rates ------------------------------------------------------------------------------------------------------

    @rule(pair=PAIR.filter(lambda pair: pair[0] != pair[1]), rate=RATE)
    def set_rate(self, pair: tuple[str, str], rate: Decimal) -> None:
        counter.set_rate(source=pair[0], target=pair[1], rate=rate, staff=self.staff, confirm=True)
        self.bank.rates[pair] = rate

    @rule(pair=PAIR.filter(lambda pair: pair[0] != pair[1]))
    def set_a_stale_rate(self, pair: tuple[str, str]) -> None:
        long_ago = timezone.now() - timedelta(days=30)
        counter.set_rate(
            source=pair[0], target=pair[1], rate=Decimal(1), as_of=long_ago, staff=self.staff, confirm=True
        )
        self.bank.rates.pop(pair, None)

    # --- comparing --------------------------------------------------------------------------------------------------

    @invariant()
    def books_and_paper_agree(self) -> None:
        bank, users = self.bank, {"user__in": self.ids}
        fields = ("owner_id", "currency_id", "balance", "held", "may_overdraw")
        wallets = {
            row[0]: ModelWallet(*row[1:])
            for row in Wallet.objects.filter(owner__in=self.ids).values_list("pk", *fields)
        }
        assert wallets == bank.wallets
        houses = {house: now - self.house_before[house] for house, now in _houses().items()}
        assert houses == dict.fromkeys(houses, 0) | bank.houses
        order_fields = ("pk", "wallet_id", "amount", "commission", "status", "transaction_id")
        orders_stored = [
            Order(row[0], kind, *row[1:])
            for kind, model in (("deposit", Deposit), ("withdrawal", Withdrawal))
            for row in model._default_manager.filter(**users).values_list(*order_fields)
        ]
        assert sorted(orders_stored, key=_number) == sorted(bank.orders, key=_number)
        sales = Purchase.objects.filter(**users).order_by("pk").values_list("pk", "wallet_id", "amount", "refunded")
        assert [Sale(*row) for row in sales] == bank.sales
        assert dict(Product.objects.values_list("pk", "stock")).items() >= {(w.id, w.stock) for w in self.products}
        used = set(Exchange.objects.filter(**users, quote__isnull=False).values_list("quote_id", flat=True))
        assert used == {promise.id for promise in bank.promises if promise.is_used}
        reversed_ = set(Reversal.objects.filter(staff=self.staff).values_list("original_id", flat=True))
        assert reversed_ == {booking.transaction for booking in bank.booked if booking.is_reversed}

    def teardown(self) -> None:
        assert audit().totals == {}


def _number(order: Order) -> tuple[str, int]:
    return order.kind, order.id


def settle_order(order: Order, status: Any, by: User) -> Deposit | Withdrawal:
    if order.kind == "deposit":
        return orders.settle_deposit(deposit_id=order.id, settlement=status, by=by)
    return orders.settle_withdrawal(withdrawal_id=order.id, settlement=status, by=by)


def _houses() -> dict[tuple[str, str], Decimal]:
    return {(row.house, row.currency): row.balance for row in ledger.house_balances()}


def _id(side: Side) -> int:
    return side if isinstance(side, int) else ledger.house_wallet(*side)
