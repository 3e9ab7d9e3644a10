"""Random histories, booked and at the same time played on a model of dictionaries; both must always agree."""

from collections import defaultdict
from decimal import Decimal, localcontext
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.ledger import booking
from payments.models import Wallet
from payments.money import EXACT
from tests.support.ledger import house_wallet, statement_of, wallet_of
from tests.support.ledger_checks import differences

pytestmark = pytest.mark.slow

CURRENCIES = ("USD", "JPY")
HOUSES = ("clearing", "sales", "exchange")
#: Where money is: (owner or house, currency). Nobody is somebody who has no wallet.
PLACES = [(who, currency) for who in ("alice", "bob", "mallory", *HOUSES) for currency in CURRENCIES]
NOBODY = ("nobody", "USD")

Place = tuple[str, str]
Leg = tuple[Place, Place, Decimal]


def amounts() -> st.SearchStrategy[Decimal]:
    small = st.decimals("0.0000000001", "50", places=10)
    return st.one_of(small, st.sampled_from([Decimal(1), Decimal("0.01"), Decimal(10**20), Decimal(10**28 - 1)]))


def legs() -> st.SearchStrategy[Leg]:
    """Mostly between places of one currency, so that most histories move money; now and then nonsense."""
    alike = st.sampled_from(CURRENCIES).flatmap(
        lambda currency: st.tuples(*[st.sampled_from([place for place in PLACES if place[1] == currency])] * 2)
    )
    pairs = st.one_of(alike, alike, alike, st.tuples(*[st.sampled_from([*PLACES, NOBODY])] * 2))
    return st.tuples(pairs, amounts()).map(lambda drawn: (*drawn[0], drawn[1]))


histories = st.lists(st.lists(st.lists(legs(), min_size=1, max_size=4), max_size=6), max_size=8)


class Model:
    """What the ledger promises, written as plainly as possible."""

    def __init__(self) -> None:
        self.balances: dict[Place, Decimal] = defaultdict(Decimal)
        self.lines: dict[Place, list[tuple[int, Decimal]]] = defaultdict(list)

    def move(self, legs: list[Leg]) -> str:
        balances, lines = self.balances.copy(), {place: list(entries) for place, entries in self.lines.items()}
        for source, destination, amount in legs:
            if result := self.refusal(source, destination, amount):
                self.balances, self.lines = balances, defaultdict(list, lines)
                return result
            self.put(source, -amount)
            self.put(destination, amount)
        return "Booked"

    def refusal(self, source: Place, destination: Place, amount: Decimal) -> str:
        if NOBODY in (source, destination):
            return "WalletNotFound"
        if source == destination:
            return "SameWallet"
        if source[1] != destination[1]:
            return "CurrencyMismatch"
        if source[0] not in HOUSES and self.balances[source] < amount:
            return "InsufficientFunds"
        if destination[0] not in HOUSES and self.balances[destination] + amount > 10**28 - 1:
            return "BalanceTooLarge"
        return ""

    def put(self, place: Place, amount: Decimal) -> None:
        self.balances[place] += amount
        if place[0] not in HOUSES:
            self.lines[place].append((len(self.lines[place]) + 1, self.balances[place]))


def result_name(result: booking.BookingResult) -> str:
    return type(result.error if isinstance(result, booking.Refused) else result).__name__


SEARCH = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(SEARCH, max_examples=25)
@given(histories)
def test_any_history_is_booked_as_the_model_says(
    alice: Any, bob: Any, mallory: Any, history: list[list[list[Leg]]]
) -> None:
    """25 histories; `make torture` plays 500."""
    play_and_forget(history, {"alice": alice, "bob": bob, "mallory": mallory})


@pytest.mark.torture
@settings(SEARCH, max_examples=500)
@given(histories)
def test_500_histories_are_booked_as_the_model_says(
    alice: Any, bob: Any, mallory: Any, history: list[list[list[Leg]]]
) -> None:
    play_and_forget(history, {"alice": alice, "bob": bob, "mallory": mallory})


def play_and_forget(history: list[list[list[Leg]]], users: dict[str, Any]) -> None:
    with localcontext(EXACT), transaction.atomic():
        play(history, users)
        transaction.set_rollback(True)


def play(history: list[list[list[Leg]]], users: dict[str, Any]) -> None:
    ids = {(who, currency): house_wallet(who, currency) for who, currency in PLACES if who in HOUSES}
    ids |= {(who, currency): wallet_of(users[who], currency) for who, currency in PLACES if who in users}
    ids[NOBODY] = 123
    house_before = house_balances(ids)
    model = Model()
    for batch in history:
        results = booking.book([
            booking.NewTransaction(
                "transfer", tuple(booking.NewPosting(ids[s], ids[d], amount) for s, d, amount in legs)
            )
            for legs in batch
        ])  # fmt: skip
        assert [result_name(result) for result in results] == [model.move(legs) for legs in batch]
        compare(model, ids, house_before)
    assert differences() == {}


def compare(model: Model, ids: dict[Place, int], house_before: dict[Place, Decimal]) -> None:
    balances = dict(Wallet.objects.filter(pk__in=ids.values()).values_list("pk", "balance"))
    for place in PLACES:
        if place[0] in HOUSES:
            continue
        assert balances[ids[place]] == model.balances[place]
        assert statement_of(ids[place]) == model.lines[place]
    house_now = house_balances(ids)
    assert {place: house_now[place] - house_before[place] for place in house_now} == {
        place: model.balances[place] for place in house_now
    }


def house_balances(ids: dict[Place, int]) -> dict[Place, Decimal]:
    balances = {row.wallet_id: row.balance for row in booking.house_balances()}
    return {place: balances[id_] for place, id_ in ids.items() if place[0] in HOUSES}
