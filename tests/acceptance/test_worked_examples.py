"""Bookkeeping stories: each posting as docs/ledger.md shows it, and books that balance at the end.

The tables on the page are what the stories below book. `python -m pytest tests/acceptance/test_worked_examples.py`
fails with the table as it should stand when they differ.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from api.decimals import format_amount
from catalog import services as shop
from payments.exchange.services import exchange
from payments.ledger import booking
from payments.ledger.services import reversals
from payments.ledger.services.wallets import open_wallet
from payments.models import Currency, Posting, Transaction, Wallet
from payments.orders import services as orders
from payments.transfers import services as transfers
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.live import ROOT
from tests.support.notices import credit

PAGE = (ROOT / "docs" / "ledger.md").read_text()
HEAD = "| | kind | amount | source | destination | source after | destination after |\n|---|---|---|---|---|---|---|\n"


@dataclass
class Story:
    """Who takes part, and the wallets by the names that the table uses."""

    alice: User
    bob: User
    staff: User
    names: dict[int, str] = field(default_factory=dict)
    first: int = 0

    def wallet(self, owner: User, currency: str = "USD") -> int:
        opened = open_wallet(owner_id=owner.pk, currency=currency)
        self.names[opened.pk] = f"{owner.full_name} {currency}"
        return opened.pk

    def from_provider(self, wallet: int, amount: str, owner: User) -> int:
        credit(owner, wallet, amount)
        return Transaction.objects.latest("pk").pk

    def funded(self, owner: User, number: int, amount: str) -> int:
        """A wallet that a provider opened and filled before the story begins."""
        self.names[number] = f"{owner.full_name} USD"
        self.from_provider(number, amount, owner)
        self.first = Transaction.objects.latest("pk").pk
        return number

    def bank(self, owner: User) -> int:
        return recipes.bank_account.make(owner=owner).pk

    def rule(self, operation: str, **terms: str) -> None:
        amounts: dict[str, Any] = {name: Decimal(value) for name, value in terms.items()}
        recipes.commission_rule.make(operation=operation, valid_from=timezone.now(), **amounts)

    def table(self) -> str:
        postings = Posting.objects.filter(transaction__gt=self.first).select_related("transaction", "currency")
        return HEAD + "".join(self._rows(postings.order_by("transaction_id", "pk")))

    def _rows(self, postings: Any) -> Iterator[str]:
        numbers: dict[int, int] = {}
        for posting in postings:
            is_new = posting.transaction_id not in numbers
            number = numbers.setdefault(posting.transaction_id, len(numbers) + 1)
            cells = (
                f"{number}" if is_new else "",
                posting.transaction.kind if is_new else "",
                f"{self._amount(posting.amount, posting.currency)} {posting.currency_id}",
                self._name(posting.source_id),
                self._name(posting.destination_id),
                self._amount(posting.source_balance, posting.currency),
                self._amount(posting.destination_balance, posting.currency),
            )
            yield "| " + " | ".join(cells) + " |\n"

    def _name(self, wallet_id: int) -> str:
        house_balance = Wallet.objects.filter(pk=wallet_id, house__isnull=False).first()
        return f"`{house_balance.house}` {house_balance.currency_id}" if house_balance else self.names[wallet_id]

    def _amount(self, amount: Decimal | None, currency: Currency) -> str:
        return "" if amount is None else format_amount(amount, currency.decimal_places)


@pytest.fixture
def story(alice: User, bob: User, admin: User) -> Iterator[Story]:
    yield Story(alice, bob, admin)
    call_command("check_ledger", stdout=io.StringIO(), stderr=io.StringIO())


def house_balance(kind: str, currency: str = "USD") -> Decimal:
    return next(one.balance for one in booking.house_balances() if (one.house, one.currency) == (kind, currency))


def holds(wallet_id: int) -> tuple[Decimal, Decimal]:
    wallet = Wallet.objects.get(pk=wallet_id)
    return wallet.balance, wallet.held


def deposit_with_a_fee(story: Story) -> None:
    wallet = story.wallet(story.alice)
    story.rule("deposit", percent="1", minimum="0.50")
    order = orders.request_deposit(user_id=story.alice.pk, wallet_id=wallet, amount=Decimal("100.00"))
    assert (order.commission, order.net) == (1, 99)
    assert holds(wallet) == (0, 0)
    orders.settle_deposit(deposit_id=order.pk, settlement="paid", by=story.staff)
    assert (house_balance("clearing"), house_balance("commission")) == (-100, 1)


def withdrawal_rejected_then_paid(story: Story) -> None:
    wallet = story.funded(story.alice, 101, "100.00")
    story.rule("withdrawal", percent="1.5", fixed="0.30")
    request: dict[str, Any] = {
        "user_id": story.alice.pk,
        "wallet_id": wallet,
        "external_wallet_id": story.bank(story.alice),
        "amount": Decimal("40.00"),
    }
    first = orders.request_withdrawal(**request)
    assert holds(wallet) == (100, 40)
    orders.settle_withdrawal(withdrawal_id=first.pk, settlement="rejected", by=story.staff, reason="closed account")
    assert holds(wallet) == (100, 0)
    second = orders.request_withdrawal(**request)
    assert second.commission == Decimal("0.90")
    orders.settle_withdrawal(withdrawal_id=second.pk, settlement="paid", by=story.staff)
    assert holds(wallet) == (60, 0)


def exchange_and_back(story: Story) -> None:
    dollars = story.funded(story.alice, 101, "100.00")
    euros = story.wallet(story.alice, "EUR")
    for source, target, rate in (("USD", "EUR", "0.9087654321"), ("EUR", "USD", "1.1003939393")):
        store_rate(source, target, rate)
    there = exchange(user_id=story.alice.pk, source_id=dollars, destination_id=euros, amount=Decimal("100.00"))
    back = exchange(user_id=story.alice.pk, source_id=euros, destination_id=dollars, amount=there.proceeds)
    assert (there.remainder, back.remainder) == (0, Decimal("0.000000000018567153"))
    assert holds(dollars)[0] < 100
    assert (house_balance("exchange", "USD") + holds(dollars)[0], house_balance("exchange", "EUR")) == (100, 0)


def dispute_and_reversal(story: Story) -> None:
    wallet, his = story.funded(story.alice, 101, "10.00"), story.wallet(story.bob)
    disputed = story.from_provider(wallet, "50.00", story.alice)
    transfers.transfer(user_id=story.alice.pk, source_id=wallet, destination_id=his, amount=Decimal("40.00"))
    with pytest.raises(booking.InsufficientFunds):
        reversals.reverse(transaction_id=disputed, reason="card stolen", staff=story.staff)
    reversals.allow_overdraft(wallet_id=wallet, allowed=True, staff=story.staff)
    reversals.reverse(transaction_id=disputed, reason="card stolen", staff=story.staff)
    with pytest.raises(reversals.AlreadyReversed):
        reversals.reverse(transaction_id=disputed, reason="card stolen", staff=story.staff)
    story.from_provider(wallet, "35.00", story.alice)
    assert holds(wallet) == (5, 0)


def a_shops_day(story: Story) -> None:
    hers, his = story.funded(story.alice, 101, "100.00"), story.funded(story.bob, 202, "30.00")
    lamp = shop.create_product(title="Desk lamp", price=Decimal("59.00"), currency="USD", stock=2)
    cups = shop.create_product(title="Cup", price=Decimal("7.50"), currency="USD")
    bought = shop.buy(user_id=story.alice.pk, product_id=lamp.pk, wallet_id=hers)
    shop.buy(user_id=story.bob.pk, product_id=cups.pk, wallet_id=his, quantity=4)
    with pytest.raises(booking.InsufficientFunds):
        shop.buy(user_id=story.bob.pk, product_id=cups.pk, wallet_id=his)
    shop.refund(purchase_id=bought.pk, by=story.staff, amount=Decimal("9.00"), reason="scratched")
    shop.refund(purchase_id=bought.pk, by=story.staff, reason="returned")
    assert (house_balance("sales"), house_balance("clearing")) == (30, -130)


STORIES: dict[str, Callable[[Story], None]] = {
    "A deposit with a fee": deposit_with_a_fee,
    "A withdrawal, rejected, then paid": withdrawal_rejected_then_paid,
    "An exchange and back": exchange_and_back,
    "A dispute and its reversal": dispute_and_reversal,
    "A shop's day": a_shops_day,
}


@pytest.mark.parametrize("title", STORIES)
def test_each_example_is_booked_as_the_page_shows_it(title: str, story: Story) -> None:
    STORIES[title](story)
    _, _, section = PAGE.partition(f"\n### {title}\n")
    example = section.partition("\n### ")[0].partition("\n## ")[0]
    assert story.table() in example, f"\n{story.table()}"


def test_the_page_tells_no_other_story() -> None:
    examples = PAGE.partition("\n## Worked examples\n")[2].partition("\n## ")[0]
    assert [line.removeprefix("### ") for line in examples.splitlines() if line.startswith("### ")] == list(STORIES)
