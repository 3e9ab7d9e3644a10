"""Everything that can happen to money, in any order, against a bank on paper (tests.support.bank).

Before each step the paper says whether it succeeds, or which error names the refusal; after it every balance, hold,
status, stock and house wallet is compared. At the end of each story the books are audited.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from decimal import Decimal, localcontext
from typing import Any

import hypothesis
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as some
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from catalog import services as shop
from payments.commission import rules as commission_rules
from payments.exchange import services as counter
from payments.ledger.services import reversals
from payments.models import CommissionRule
from payments.transfers import services as transfers
from tests.support import recipes
from tests.support.bank import WIDE, Leg, ModelProduct, ModelWallet, Promise, Sale, Terms, opposite
from tests.support.state_machine import AMOUNT, CURRENCY, NUMBER, PAIR, PLACES, RATE, USER, WHO, Customers

pytestmark = pytest.mark.slow

STORY = hypothesis.settings(
    phases=[Phase.generate],  # a story that fails is read as it is: to shorten one takes minutes
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TARIFFS = [
    Terms(percent=Decimal("1.5")),
    Terms(fixed=Decimal(1)),
    Terms(percent=Decimal(10), minimum=Decimal(2), maximum=Decimal(5)),
    Terms(percent=Decimal("33.3333333333"), fixed=Decimal(1)),
    Terms(percent=Decimal(100)),
]


class EveryOperation(Customers):
    """And what they send, exchange and buy, and what staff take back."""

    # --- transfers, exchange ----------------------------------------------------------------------------------------

    @rule(who=WHO, source=NUMBER, destination=NUMBER, amount=AMOUNT)
    def transfer(self, who: int, source: int, destination: int, amount: Decimal) -> None:
        self._transfer(self.user(who, self.wallet(source)), self.wallet(source), self.wallet(destination), amount)

    @rule(source=NUMBER, to=USER, amount=AMOUNT)
    def transfer_to_a_person(self, source: int, to: int, amount: Decimal) -> None:
        """From its owner, to whoever it is; who has no wallet of the currency gets one, unless it is refused."""
        wallet_id = self.wallet(source)
        wallet, to_id = self.bank.wallets[wallet_id], self.ids[to]
        first = self.bank.first(to_id, wallet.currency)
        self.bank.wallets.setdefault(first or 0, ModelWallet(to_id, wallet.currency))
        self._transfer(wallet.owner, wallet_id, first or 0, amount, recipient=self.users[to].email)
        self.bank.wallets.pop(0, None)

    def _transfer(self, user: int, source: int, destination: int, amount: Decimal, recipient: str = "") -> None:
        if not self.bank.owns(user, source):
            refusal = "WalletNotFound"
        elif self.bank.is_bad(amount, PLACES[self.bank.currency(source)]):
            refusal = "InvalidAmount"
        elif recipient and self.bank.available(source) < amount:  # whoever it is: it is not looked up
            refusal = "InsufficientFunds"
        elif not self.bank.owns(user, destination) and self.bank.currency(source) != self.bank.currency(destination):
            refusal = "RecipientNotFound"
        else:
            refusal = self.bank.refusal(self.bank.transferring(source, destination, amount))
        to: dict[str, Any] = {"recipient": recipient.upper()} if recipient else {"destination_id": destination}
        sent = self.attempt(refusal, lambda: transfers.transfer(user_id=user, source_id=source, amount=amount, **to))
        if sent:
            if not destination:
                self.bank.wallets[sent.destination_id] = self.bank.wallets.pop(0)
            legs = self.bank.transferring(source, sent.destination_id, amount)
            self.note(sent.transaction_id, "transfer", legs)

    @rule(who=WHO, source=NUMBER, destination=NUMBER, amount=AMOUNT, seen=some.none() | RATE)
    def exchange(self, who: int, source: int, destination: int, amount: Decimal, seen: Decimal | None) -> None:
        self._exchange(self.user(who, self.wallet(source)), self.wallet(source), self.wallet(destination), amount, seen)

    @rule(pair=PAIR, who=USER, amount=AMOUNT)
    def exchange_ones_own(self, pair: tuple[str, str], who: int, amount: Decimal) -> None:
        source, destination = (self.bank.first(self.ids[who], code) for code in pair)
        if source and destination:
            self._exchange(self.ids[who], source, destination, amount, None)

    def _exchange(self, user: int, source: int, destination: int, amount: Decimal, seen: Decimal | None) -> None:
        bank, pair = self.bank, (self.bank.currency(source), self.bank.currency(destination))
        rate, legs = bank.rates.get(pair, Decimal(0)), list[Leg]()
        refusal = bank.refuses_terms(*pair, amount) if bank.owns(user, source, destination) else "WalletNotFound"
        if not refusal and seen and rate < seen * Decimal("0.9"):
            refusal = "RateSlipped"
        if not refusal:
            legs = bank.exchanging(source, destination, amount, rate, bank.fee("exchange", pair[0], amount))
            refusal = bank.refusal(legs)
        data: dict[str, Any] = {"user_id": user, "source_id": source, "destination_id": destination}
        expected = counter.ExpectedRate(seen, Decimal(10)) if seen else None
        promised = self.attempt(refusal, lambda: counter.exchange(**data, amount=amount, expected=expected))
        if promised:
            self.note(promised.transaction_id, "exchange", legs)

    @rule(who=USER, pair=PAIR, amount=AMOUNT, is_used=some.booleans())
    def quote(self, who: int, pair: tuple[str, str], amount: Decimal, is_used: bool) -> None:
        promised = self.attempt(
            self.bank.refuses_terms(*pair, amount),
            lambda: counter.quote(user_id=self.ids[who], source=pair[0], target=pair[1], amount=amount),
        )
        if promised:
            fee = self.bank.fee("exchange", pair[0], amount)
            promise = Promise(promised.pk, self.ids[who], *pair, amount, self.bank.rates[pair], fee)
            if is_used:
                self._exchange_by_quote(self.ids[who], self._firsts(self.ids[who], pair), promise)
            expired = recipes.expired_quote.make(user=self.users[who])
            self.bank.promises += [promise, replace(promise, id=expired.pk, is_expired=True, is_used=False)]

    @precondition(lambda self: self.bank.promises)
    @rule(who=NUMBER, number=NUMBER, source=NUMBER, destination=NUMBER)
    def exchange_by_quote(self, who: int, number: int, source: int, destination: int) -> None:
        """Mostly who was promised it, from and to wallets that fit."""
        promise = self.bank.promises[number % len(self.bank.promises)]
        own = [self.bank.first(promise.owner, code) for code in (promise.source, promise.target)]
        user = self.ids[who] if who < len(self.ids) else promise.owner
        wallets = [fit or self.wallet(n) for fit, n in zip(own, (source, destination), strict=True)]
        self._exchange_by_quote(user, wallets if source else [wallets[0], wallets[0]], promise)

    def _firsts(self, owner: int, pair: tuple[str, str]) -> list[int]:
        return [self.bank.first(owner, code) or 0 for code in pair]

    def _exchange_by_quote(self, user: int, wallets: list[int], promise: Promise) -> None:
        source, destination = wallets
        refusal, legs = self.bank.refuses_quoted(user, source, destination, promise), list[Leg]()
        if not refusal:
            legs = self.bank.exchanging(source, destination, promise.amount, promise.rate, promise.fee)
            refusal = self.bank.refusal(legs)
        wallets_and_quote = {"source_id": source, "destination_id": destination, "quote_id": promise.id}
        data: dict[str, Any] = {"user_id": user, **wallets_and_quote}
        if promised := self.attempt(refusal, lambda: counter.exchange_quoted(**data)):
            promise.is_used = True
            self.note(promised.transaction_id, "exchange", legs)

    # --- the shop ---------------------------------------------------------------------------------------------------

    @rule(who=WHO, number_of_product=USER, number=NUMBER, quantity=some.integers(1, 4), expected=some.booleans())
    def buy(self, who: int, number_of_product: int, number: int, quantity: int, expected: bool) -> None:
        self._buy(
            self.user(who, self.wallet(number)),
            self.products[number_of_product],
            self.wallet(number),
            quantity,
            Decimal("12.50") if expected else None,
        )

    @rule(who=USER, number_of_product=USER, regret=some.just(Decimal(0)) | some.none() | AMOUNT)
    def buy_with_ones_own(self, who: int, number_of_product: int, regret: Decimal | None) -> None:
        if wallet := self.bank.first(self.ids[who], self.products[number_of_product].currency):
            self._buy(self.ids[who], self.products[number_of_product], wallet, 1, None)
            if self.bank.sales:
                self._refund(self.bank.sales[-1], regret)

    def _buy(self, user: int, product: ModelProduct, wallet: int, quantity: int, expected: Decimal | None) -> None:
        legs: list[Leg] = [(wallet, ("sales", product.currency), product.price * quantity)]
        if expected not in (None, product.price):
            refusal = "PriceChanged"
        elif product.stock is not None and product.stock < quantity:
            refusal = "OutOfStock"
        else:
            refusal = self.bank.refusal(legs) if self.bank.owns(user, wallet) else "WalletNotFound"
        data: dict[str, Any] = {"user_id": user, "product_id": product.id, "wallet_id": wallet, "quantity": quantity}
        purchase = self.attempt(refusal, lambda: shop.buy(**data, expected_price=expected))
        if purchase:
            product.stock = product.stock and product.stock - quantity
            self.bank.sales.append(Sale(purchase.pk, wallet, legs[0][2]))
            self.note(purchase.transaction_id, "purchase", legs)

    @precondition(lambda self: self.bank.sales)
    @rule(number=NUMBER, amount=some.none() | AMOUNT)
    def refund(self, number: int, amount: Decimal | None) -> None:
        self._refund(self.bank.sales[number % len(self.bank.sales)], amount)

    def _refund(self, sale: Sale, amount: Decimal | None) -> None:
        promised = self.attempt(
            self.bank.refuses_refund(sale, amount),
            lambda: shop.refund(purchase_id=sale.id, by=self.staff, amount=amount),
        )
        if promised:
            amount = sale.amount - sale.refunded if amount is None else amount
            sale.refunded += amount
            sales = ("sales", self.bank.currency(sale.wallet))
            self.note(promised.transaction_id, "refund", [(sales, sale.wallet, amount)])

    # --- staff ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.bank.booked)
    @rule(number=NUMBER)
    def reverse(self, number: int) -> None:
        booking = self.bank.booked[number % len(self.bank.booked)]
        promised = self.attempt(
            self.bank.refuses_reversal(booking),
            lambda: reversals.reverse(transaction_id=booking.transaction, reason="A dispute", staff=self.staff),
        )
        if promised:
            booking.is_reversed = True
            self.note(promised.transaction_id, "reversal", opposite(booking))

    @rule(number=NUMBER, allowed=some.booleans())
    def allow_overdraft(self, number: int, allowed: bool) -> None:
        wallet_id = self.wallet(number)
        wallet = self.bank.wallets[wallet_id]
        is_below = wallet.may_overdraw and not allowed and wallet.balance < wallet.held
        if self.attempt(
            "WalletOverdrawn" if is_below else "",
            lambda: reversals.allow_overdraft(wallet_id=wallet_id, allowed=allowed, staff=self.staff),
        ):
            wallet.may_overdraw = allowed

    @rule(operation=some.sampled_from(["deposit", "withdrawal", "transfer", "exchange"]), currency=CURRENCY, n=NUMBER)
    def change_tariff(self, operation: str, currency: str, n: int) -> None:
        """Two rules at one time are refused; then the one that stands is ended."""
        terms = TARIFFS[n % len(TARIFFS)]
        stands = (operation, currency) in self.bank.rules
        data: dict[str, Any] = asdict(terms)
        promised = self.attempt(
            "RuleOverlap" if stands else "",
            lambda: commission_rules.make_rule(operation=operation, currency=currency, staff=self.staff, **data),
        )
        if promised:
            self.bank.rules[operation, currency] = terms
        else:
            standing = CommissionRule.objects.get(operation=operation, currency=currency, valid_until=None)
            commission_rules.end_rule(rule_id=standing.pk, valid_until=timezone.now(), staff=self.staff)
            del self.bank.rules[operation, currency]


@pytest.fixture
def paper(committed_db: None, settings: Any) -> Iterator[None]:
    settings.TILL_REGISTRATION_WALLETS = "none"
    with localcontext(WIDE):
        yield


@pytest.mark.usefixtures("paper")
def test_whatever_happens_in_whatever_order_the_books_say_what_the_paper_says() -> None:
    """15 stories of 30 steps; `make torture` tells 200."""
    run_state_machine_as_test(EveryOperation, settings=STORY)


@pytest.mark.torture
@pytest.mark.usefixtures("paper")
def test_after_200_stories_the_books_say_what_the_paper_says() -> None:
    run_state_machine_as_test(EveryOperation, settings=hypothesis.settings(STORY, max_examples=200))
