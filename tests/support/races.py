"""Those who meet on one wallet: the people and their wallets, and all that can happen to it at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

from django.utils import timezone

from catalog import services as shop
from catalog.models import Purchase
from payments.exchange import services as counter
from payments.ledger import booking
from payments.ledger.services import reversals
from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, Wallet, Withdrawal
from payments.orders import services as orders
from payments.transfers import services as transfers
from payments.webhooks import receiving
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import fund
from tests.support.notices import notice
from tests.support.purchases import a_product
from tests.support.request_batches import answers, token_of, transfer
from tests.support.rest import signed_in
from tests.support.threads import released_together

T = TypeVar("T")
_keys = count(1)
#: What alice can spend while a round is prepared, and in every other one.
MUCH = Decimal(1000)
REFUSALS = (
    booking.InsufficientFunds,
    orders.AlreadySettled,
    reversals.AlreadyReversed,
    shop.RefundExceedsPurchase,
)


@dataclass
class Race:
    """alice's dollars are where all meet; beside them her euros, and bob's dollars. Each fee is 1."""

    pool: ThreadPoolExecutor
    alice: Any = field(init=False)
    since: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        self.alice, self.bob = recipes.user.make(_quantity=2)
        self.service, self.staff = recipes.service.make(), recipes.admin.make()
        recipes.settlement_scope.make(service=self.service)
        self.wallet, self.euros = (open_wallet(owner_id=self.alice.pk, currency=code).pk for code in ("USD", "EUR"))
        self.others = open_wallet(owner_id=self.bob.pk, currency="USD").pk
        self.bank = recipes.bank_account.make(owner=self.alice).pk
        self.product = a_product(price=Decimal(12)).pk
        store_rate("USD", "EUR", "0.9")
        store_rate("EUR", "USD", "1.1")
        for operation in ("deposit", "withdrawal", "transfer", "exchange"):
            recipes.commission_rule.make(operation=operation, fixed=Decimal(1))
        for wallet in (self.others, self.euros):
            fund(wallet, "1000000")

    def at_once(self, *tasks: Callable[[], T]) -> list[T]:
        """Run the tasks at the same moment, each in a thread with a connection of its own, which stays open."""
        return released_together(self.pool, tasks)

    def leave(self, available: Decimal) -> None:
        """See to it that alice can spend so much, by paying the difference in or out."""
        wallet = Wallet.objects.get(pk=self.wallet)
        missing = available - (wallet.balance - wallet.held)
        if missing > 0:
            fund(self.wallet, str(missing))
        elif missing:
            self._pay_out(-missing.normalize())

    def _pay_out(self, amount: Decimal) -> None:
        data = {"user_id": self.alice.pk, "wallet_id": self.wallet, "external_wallet_id": self.bank}
        order = orders.request_withdrawal(**data, amount=amount)
        orders.settle_withdrawal(withdrawal_id=order.pk, settlement="paid", by=self.service)

    def money(self) -> Decimal:
        return Decimal(Wallet.objects.get(pk=self.wallet).balance)


# --- what can meet --------------------------------------------------------------------------------------------------


@dataclass
class Round:
    """What some operations need to be there before, made when the first of them asks for it."""

    race: Race

    @cached_property
    def deposit(self) -> Deposit:
        return orders.request_deposit(user_id=self.race.alice.pk, wallet_id=self.race.wallet, amount=Decimal(13))

    @cached_property
    def withdrawal(self) -> Withdrawal:
        self.race.leave(MUCH)
        return withdraw(self.race)

    @cached_property
    def purchase(self) -> Purchase:
        self.race.leave(MUCH)
        return buy(self.race)

    @cached_property
    def credited(self) -> int:
        return credit(self.race)


def withdraw(on: Race) -> Withdrawal:
    data = {"user_id": on.alice.pk, "wallet_id": on.wallet, "external_wallet_id": on.bank}
    return orders.request_withdrawal(**data, amount=Decimal(11))


def buy(on: Race) -> Purchase:
    return shop.buy(user_id=on.alice.pk, product_id=on.product, wallet_id=on.wallet)


def credit(on: Race) -> int:
    [outcome] = receiving.credit([notice(user_id=on.alice.pk, account=on.wallet, amount="10")])
    assert isinstance(outcome, receiving.Credited), outcome
    return outcome.transaction_id


def settled(order: Deposit | Withdrawal, settlement: Any, on: Race) -> int | None:
    if isinstance(order, Deposit):
        return orders.settle_deposit(deposit_id=order.pk, settlement=settlement, by=on.service).transaction_id
    return orders.settle_withdrawal(withdrawal_id=order.pk, settlement=settlement, by=on.service).transaction_id


def send(owner: Any, source: int, destination: int) -> int:
    sent = transfers.transfer(user_id=owner.pk, source_id=source, destination_id=destination, amount=Decimal(9))
    return sent.transaction_id


def send_in_event_loop(owner: Any, source: int, destination: int) -> int:
    """The same, by the event loop. What it cannot answer, because others hold the locks, goes the way of the view."""
    request = transfer(token_of(owner), source, destination, f"race-{next(_keys)}", "9")
    [answer] = answers(request)
    if answer.code == "insufficient_funds":
        raise booking.InsufficientFunds
    assert answer.status in (0, 201), answer
    return int(answer.body["transaction"]) if answer.status else send(owner, source, destination)


def exchange(on: Race, source: int, destination: int) -> int:
    exchanged = counter.exchange(user_id=on.alice.pk, source_id=source, destination_id=destination, amount=Decimal(10))
    return exchanged.transaction_id


def expire(_: Any) -> None:
    list(orders.expire_orders(older_than=timedelta(0)))


def reads(on: Race, page: str, check: Callable[[dict[str, Any]], bool]) -> None:
    answer = signed_in(on.alice).get(f"/api/v1/{page}")
    assert answer.status_code == 200, answer.content
    assert check(answer.json()), answer.content


def as_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def adds_up(statement: dict[str, Any]) -> bool:
    """A page that is not the last does not hold all that lies between the two balances."""
    amounts = sum(Decimal(line["amount"]) for line in statement["lines"])
    is_whole = statement["next"] is None
    return not is_whole or Decimal(statement["opening_balance"]) + amounts == Decimal(statement["closing_balance"])


def covers_what_is_held(wallets: dict[str, Any]) -> bool:
    return all(
        Decimal(row["available"]) == Decimal(row["balance"]) - Decimal(row["held"]) >= 0 for row in wallets["results"]
    )


@dataclass(frozen=True)
class Operation:
    """`run` returns the id of the transaction that it booked, if any; `moves` is what that does to alice's dollars."""

    run: Callable[[Round], int | None]
    moves: str = "0"
    needs: str = ""


OPERATIONS = {
    "webhook": Operation(lambda r: credit(r.race), "10"),
    "deposit paid": Operation(lambda r: settled(r.deposit, "paid", r.race), "12", "deposit"),
    "deposit rejected": Operation(lambda r: settled(r.deposit, "rejected", r.race), "12", "deposit"),
    "withdrawal asked": Operation(lambda r: withdraw(r.race).transaction_id),
    "withdrawal paid": Operation(lambda r: settled(r.withdrawal, "paid", r.race), "-11", "withdrawal"),
    "withdrawal rejected": Operation(lambda r: settled(r.withdrawal, "rejected", r.race), "-11", "withdrawal"),
    "orders expired": Operation(lambda r: expire(r)),
    "transfer out": Operation(lambda r: send(r.race.alice, r.race.wallet, r.race.others), "-10"),
    "transfer in": Operation(lambda r: send(r.race.bob, r.race.others, r.race.wallet), "9"),
    "transfer out in the event loop": Operation(
        lambda r: send_in_event_loop(r.race.alice, r.race.wallet, r.race.others), "-10"
    ),
    "exchange out": Operation(lambda r: exchange(r.race, r.race.wallet, r.race.euros), "-11"),
    "exchange in": Operation(lambda r: exchange(r.race, r.race.euros, r.race.wallet), "11"),
    "purchase": Operation(lambda r: buy(r.race).transaction_id, "-12"),
    "refund": Operation(
        lambda r: shop.refund(purchase_id=r.purchase.pk, by=r.race.staff).transaction_id, "12", "purchase"
    ),
    "reversal": Operation(
        lambda r: reversals.reverse(transaction_id=r.credited, reason="A dispute", staff=r.race.staff).transaction_id,
        "-10",
        "credited",
    ),
    "statement": Operation(
        lambda r: reads(r.race, f"wallets/{r.race.wallet}/statement?from={as_text(r.race.since)}", adds_up)
    ),
    "wallets": Operation(lambda r: reads(r.race, "wallets", covers_what_is_held)),
    "balance": Operation(lambda r: reads(r.race, f"wallets/{r.race.wallet}/balance", bool)),
}
