"""What the front page of /admin says by currency: owed to users, earned this month, clearing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.ledger.queries.house_sums import read_house_sums
from payments.models import HouseOpening, Wallet
from tests.support.ledger import book_transfer, house_wallet, wallet_with


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


def earn(wallet: Wallet, house: str, amount: str) -> None:
    book_transfer((wallet.pk, house_wallet(house), amount))


def sums_at(moment: datetime) -> dict[str, tuple[str, ...]]:
    return {
        sums.currency.pk: tuple(f"{amount.normalize():f}" for amount in sums[1:]) for sums in read_house_sums(moment)
    }


def next_month() -> datetime:
    return (timezone.now().replace(day=1, hour=0, minute=0, second=0) + timedelta(days=40)).replace(day=1)


def test_the_sums_are_owed_commission_sales_and_clearing(wallet: Wallet, bob: Any) -> None:
    wallet_with(bob, "EUR", "7")
    earn(wallet, "commission", "1.5")
    earn(wallet, "sales", "50")
    book_transfer((house_wallet("sales"), wallet.pk, "20"), kind="refund")
    assert sums_at(timezone.now()) == {"EUR": ("7", "0", "0", "-7"), "USD": ("968.5", "1.5", "30", "-1000")}
    owed = dict(Wallet.objects.filter(house__isnull=True).values_list("currency").annotate(Sum("balance")))
    assert owed == {"EUR": Decimal(7), "USD": Decimal("968.5")}


def test_a_month_begins_with_nothing_and_its_opening_is_stored_once(wallet: Wallet) -> None:
    later = next_month() + timedelta(hours=1)
    earn(wallet, "sales", "50")
    assert sums_at(later)["USD"][1:3] == ("0", "0")
    openings = set(HouseOpening.objects.filter(wallet=house_wallet("sales")).values_list("month", "balance"))
    assert openings == {(later.date(), Decimal(50))}
    earn(wallet, "sales", "8")
    assert sums_at(later)["USD"][1:3] == ("0", "8")
    opening = HouseOpening.objects.get(wallet=house_wallet("sales"))
    assert str(opening) == f"{opening.wallet_id} at {opening.month}"


def test_nothing_is_stored_while_the_old_month_may_still_be_booked(wallet: Wallet) -> None:
    earn(wallet, "sales", "50")
    assert sums_at(next_month() + timedelta(minutes=9))["USD"][2] == "0"
    assert not HouseOpening.objects.exists()


def test_after_the_first_reader_no_transaction_is_read(wallet: Wallet) -> None:
    earn(wallet, "sales", "50")
    now = datetime.now(UTC).replace(day=2)
    sums_at(now)
    with CaptureQueriesContext(connection) as captured:
        sums_at(now)
    assert len(captured) <= 4
    assert not [query for query in captured if "payments_transaction" in query["sql"]]
