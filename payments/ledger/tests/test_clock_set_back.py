"""A server's clock that is set back: in no wallet does time fall, whichever way money comes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payments.audit import audit
from payments.ledger import booking
from payments.models import Transaction, Wallet
from payments.transfers.services import transfer
from payments.webhooks import receiving
from tests.support.ledger import sql, wallet_of
from tests.support.notices import notice

AHEAD = timedelta(hours=1)


@pytest.fixture
def wallet(alice: Any) -> int:
    """Alice's wallet, credited while the clock was an hour ahead of what it says now."""
    opened = wallet_of(alice, holding="100")
    sql("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE payments_transaction DISABLE TRIGGER USER")
    sql("UPDATE payments_transaction SET created_at = created_at + interval '1 hour'")
    sql("ALTER TABLE payments_transaction ENABLE TRIGGER USER")
    sql("UPDATE payments_wallet SET moved_at = moved_at + interval '1 hour' WHERE id = %s", opened)
    return opened


def times(wallet: int) -> list[datetime]:
    """Those of the wallet's transactions, in the order of its sequence."""
    rows = sql(
        "SELECT created_at FROM payments_transaction booked JOIN payments_posting p ON p.transaction_id = booked.id"
        " WHERE %s IN (source_id, destination_id) ORDER BY greatest(source_sequence, destination_sequence)",
        wallet,
    )
    return [time for (time,) in rows]


def one(owner: Any, wallet: int) -> None:
    """By the statement of a single credit."""
    receiving.credit([notice(user_id=owner.pk, account=wallet)])


def several(owner: Any, wallet: int) -> None:
    receiving.credit([notice(user_id=owner.pk, account=wallet) for _ in range(3)])


def drawn_later(_: Any, wallet: int) -> None:
    """Ids are drawn when something is booked that was not announced."""
    clearing = booking.house_wallet("clearing", "USD")
    line = booking.NewPosting(clearing, wallet, Decimal(1))
    with_none = booking.lock([wallet], transactions=0)
    with_none.book([booking.NewTransaction("deposit", (line,))])


@pytest.mark.parametrize("credit", [one, several, drawn_later])
def test_no_transaction_is_older_than_the_one_before_it(
    alice: Any, wallet: int, credit: Callable[[Any, int], None]
) -> None:
    [first] = times(wallet)
    for _ in range(3):
        credit(alice, wallet)
    assert set(times(wallet)) == {first}
    assert Wallet.objects.get(pk=wallet).moved_at == first
    assert "line_time" not in audit().totals


def test_whom_it_meets_is_taken_along_and_nobody_else(alice: Any, bob: Any, mallory: Any, wallet: int) -> None:
    his, others = wallet_of(bob), wallet_of(mallory)
    moment = times(wallet)[0]
    transfer(user_id=alice.pk, source_id=wallet, destination_id=his, amount=Decimal(1))
    receiving.credit([notice(user_id=owner.pk, account=account) for owner, account in ((bob, his), (mallory, others))])
    assert times(his) == [moment, moment]
    assert times(others)[0] < moment - AHEAD / 2
    assert audit().is_sound


def test_time_goes_on_when_the_clock_has_caught_up(alice: Any) -> None:
    wallet = wallet_of(alice, holding="100")
    one(alice, wallet)
    several(alice, wallet)
    moments = times(wallet)
    assert moments == sorted(moments)
    assert moments[0] < moments[1] < moments[2]
    assert Transaction.objects.latest("created_at").created_at == Wallet.objects.get(pk=wallet).moved_at
