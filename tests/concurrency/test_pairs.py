"""Every two operations that can meet on one wallet, at the same moment, again and again, on real connections.

Nobody waits in a circle, nobody fails but by name, nothing that was told to be done is lost, and the money of the whole
bank is what it was. Who reads while it moves sees one moment.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from itertools import combinations_with_replacement
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from conftest import empty_tables
from payments.audit import audit
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from tests.support import shop_users
from tests.support.breadth import breadth
from tests.support.ledger import fund, total_money
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill
from tests.support.load_client import send_all
from tests.support.provider import SHA1_COLON, Delivery
from tests.support.races import MUCH, OPERATIONS, REFUSALS, Race, Round, adds_up, as_text, expire, send
from tests.support.rest import signed_in

pytestmark = pytest.mark.slow

THREADS = 4
#: In one round there is money for everybody, in the next for one of them.
LITTLE = Decimal(15)
PAIRS = list(combinations_with_replacement(OPERATIONS, 2))


@pytest.fixture(scope="module")
def shared_race(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Race]:
    """One for all pairs: to build, to audit or to empty one takes longer than a pair."""
    with django_db_blocker.unblock(), ThreadPoolExecutor(THREADS) as pool:
        try:
            race = Race(pool)
            yield race
            race.at_once(*[lambda: connection.close()] * THREADS)
            assert audit().totals == {}
        finally:
            empty_tables()
            connection.close()


@pytest.fixture
def race(shared_race: Race, django_db_blocker: DjangoDbBlocker) -> Iterator[Race]:
    with django_db_blocker.unblock():
        yield shared_race


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_that_meet_on_one_wallet_both_go_or_are_refused_by_name(race: Race, one: str, other: str) -> None:
    meet_often(race, one, other, rounds=2)


@pytest.mark.torture
def test_they_meet_again_and_again(race: Race) -> None:
    for one, other in PAIRS:
        meet_often(race, one, other, rounds=10)
        assert audit().totals == {}, (one, other)


def meet_often(race: Race, one: str, other: str, *, rounds: int) -> None:
    race.since = timezone.now()
    for number in range(rounds):
        meet(race, [one, other, one, other], LITTLE if number % 2 else MUCH)
    expire(race)
    assert [total_money(code) for code in ("USD", "EUR")] == [0, 0]


def meet(race: Race, names: list[str], available: Decimal) -> None:
    """Let them happen together, with so much money to spend; what each reports is what the wallet shows."""
    round_ = Round(race)
    for name in {"withdrawal", "purchase", "deposit", "credited"} & {OPERATIONS[name].needs for name in names}:
        getattr(round_, name)
    race.leave(available)
    before = race.money()
    booked = dict(race.at_once(*[lambda name=name: attempt(name, round_) for name in names]))
    booked.pop(None, None)
    assert race.money() == before + sum(booked.values())


def attempt(name: str, round_: Round) -> tuple[int | None, Decimal]:
    """Return the transaction that was booked, if any, and what it moved."""
    try:
        return OPERATIONS[name].run(round_), Decimal(OPERATIONS[name].moves)
    except REFUSALS:
        return None, Decimal(0)


# --- reading several wallets while money moves between them ---------------------------------------------------------


@contextmanager
def meanwhile(race: Race, task: Callable[[int], Any], *, threads: int = 3) -> Iterator[None]:
    """Repeat the task in some threads until the block ends; their exceptions are raised here."""
    done = Event()

    def repeat(seed: int) -> None:
        dice = random.Random(seed)
        while not done.is_set():
            task(dice.randrange(2))

    futures = [race.pool.submit(repeat, seed) for seed in range(threads)]
    try:
        yield
    finally:
        done.set()
    for future in futures:
        future.result()


@pytest.fixture
def pots(race: Race) -> list[int]:
    """Two wallets of alice's, 100 pounds in each."""
    alice = race.alice
    pots = [open_wallet(owner_id=alice.pk, currency="GBP").pk for _ in range(2)]
    for pot in pots:
        fund(pot, "100")
    return pots


@contextmanager
def to_and_fro(race: Race, pots: list[int]) -> Iterator[None]:
    def shift(side: int) -> None:
        with suppress(booking.InsufficientFunds):
            send(race.alice, pots[side], pots[1 - side])

    with meanwhile(race, shift):
        yield


def seen(user: Any, page: str) -> Any:
    answer = signed_in(user).get(f"/api/v1/{page}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def together(wallets: list[dict[str, Any]], pots: list[int]) -> Decimal:
    return sum((Decimal(row["balance"]) for row in wallets if row["id"] in pots), Decimal(0))


@breadth(40, 400)
def test_every_list_of_wallets_shows_one_moment(race: Race, pots: list[int], number: int) -> None:
    alice, staff = race.alice, race.staff
    lists: list[Callable[[], list[dict[str, Any]]]] = [
        lambda: seen(alice, "wallets")["results"],
        lambda: seen(alice, "users/me?include=wallets")["wallets"],
        lambda: seen(staff, f"wallets?user={alice.pk}")["results"],
        lambda: seen(staff, f"users/{alice.pk}")["wallets"],
        lambda: next(row["wallets"] for row in seen(staff, "users")["results"] if row["id"] == alice.pk),
    ]
    with to_and_fro(race, pots):
        for turn in range(number):
            assert together(lists[turn % len(lists)](), pots) == 200


@breadth(40, 400)
def test_what_i_hold_and_what_i_did_last_are_of_one_moment(race: Race, pots: list[int], number: int) -> None:
    """The newest transaction on a wallet left the balance that the wallet shows beside it."""
    with to_and_fro(race, pots):
        for _ in range(number):
            me = seen(race.alice, "users/me?include=wallets,transactions")
            balances = {row["id"]: row["balance"] for row in me["wallets"]}
            assert last_balances(me["transactions"], pots).items() <= balances.items()


def last_balances(transactions: list[dict[str, Any]], pots: list[int]) -> dict[int, str]:
    """Newest first, so of each wallet the first one counts: a transfer has its number and its id under one lock."""
    balances: dict[int, str] = {}
    for posting in (posting for transaction in transactions for posting in transaction["postings"]):
        for side in ("source", "destination"):
            if posting[side] in pots:
                balances.setdefault(posting[side], posting[f"{side}_balance"])
    return balances


@breadth(15, 150)
def test_every_statement_adds_up(race: Race, pots: list[int], number: int) -> None:
    race.since = timezone.now()
    with to_and_fro(race, pots):
        for _ in range(number):
            for pot in pots:
                assert adds_up(seen(race.alice, f"wallets/{pot}/statement?from={as_text(race.since)}"))


@breadth(10, 100)
def test_the_balance_of_a_moment_stays_what_it_was(race: Race, pots: list[int], number: int) -> None:
    with to_and_fro(race, pots):
        for _ in range(number):
            page = f"wallets/{pots[0]}/balance?at={as_text(timezone.now() - timedelta(seconds=1))}"
            first, again = seen(race.alice, page), seen(race.alice, page)
            assert first == again


# --- everything at once, over HTTP ----------------------------------------------------------------------------------


@pytest.mark.torture
def test_thousands_of_requests_of_every_kind_are_answered_without_an_error(race: Race) -> None:
    race.leave(MUCH)
    till = LiveTill()
    till.start()
    try:
        requests = RandomRequests(race, till)
        replies = send_all(till.url, [requests.one() for _ in range(3000)], connections=24)
    finally:
        till.stop()
    outcomes = shop_users.outcomes(replies)
    codes = {"", "insufficient_funds", "already_settled", "already_reversed", "refund_exceeds_purchase"}
    codes.add("too_many_pending_orders")
    assert {code for _, code in outcomes} <= codes, outcomes
    assert {status for status, _ in outcomes} <= {200, 201, 409}, outcomes
    assert [total_money(code) for code in ("USD", "EUR")] == [0, 0]
    assert_ledger_balances()


class RandomRequests:
    """Random requests of alice, bob, a service, staff and a provider, all of whom have signed in."""

    def __init__(self, on: Race, till: LiveTill) -> None:
        self.on, self.dice = on, random.Random(7)
        self.alice, self.bob, self.service, self.staff = (
            shop_users.sign_in(till, user) for user in (on.alice, on.bob, on.service, on.staff)
        )
        rounds = [Round(on) for _ in range(40)]
        self.deposits = [round_.deposit.pk for round_ in rounds]
        self.withdrawals = [round_.withdrawal.pk for round_ in rounds]
        self.sales = [round_.purchase.pk for round_ in rounds]
        self.credits = [round_.credited for round_ in rounds]

    def one(self) -> Delivery:
        on, pick, settlement = self.on, self.dice.choice, {"status": self.dice.choice(["paid", "rejected"])}
        requests: list[Callable[[], Delivery]] = [
            lambda: SHA1_COLON.notice(user_id=on.alice.pk, account_id=on.wallet, amount="10"),
            lambda: self.post(self.alice, "deposits", wallet=on.wallet, amount="13"),
            lambda: self.post(self.alice, "withdrawals", wallet=on.wallet, external_wallet=on.bank, amount="11"),
            lambda: shop_users.request(self.service, "PUT", f"deposits/{pick(self.deposits)}/status", settlement),
            lambda: shop_users.request(self.service, "PUT", f"withdrawals/{pick(self.withdrawals)}/status", settlement),
            lambda: self.post(self.alice, "transfers", source=on.wallet, destination=on.others, amount="9"),
            lambda: self.post(self.bob, "transfers", source=on.others, recipient=on.alice.email, amount="9"),
            lambda: self.post(self.alice, "exchanges", source=on.wallet, destination=on.euros, amount="10"),
            lambda: self.post(self.alice, "exchanges", source=on.euros, destination=on.wallet, amount="10"),
            lambda: shop_users.purchase(self.alice, on.product, on.wallet),
            lambda: shop_users.refund(self.staff, pick(self.sales), amount="5"),
            lambda: self.post(self.staff, f"transactions/{pick(self.credits)}/reverse", reason="A dispute"),
            lambda: shop_users.request(self.alice, "GET", f"wallets/{on.wallet}/statement?limit=20"),
            lambda: shop_users.request(self.alice, "GET", "users/me?include=wallets,transactions"),
        ]
        return pick(requests)()

    def post(self, token: str, path: str, **body: Any) -> Delivery:
        return shop_users.request(token, "POST", path, body, Idempotency_Key=f"wish-{self.dice.random()}")
