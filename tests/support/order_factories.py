"""Deposits, withdrawals and what they need, made and settled through the same doors as in production."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

from django.core.management import call_command
from django.db import connection

from accounts.models import User
from payments.commission import rules as commission_rules
from payments.ledger import booking
from payments.models import CommissionRule, Deposit, ExternalWallet, Order, Wallet, Withdrawal
from payments.orders.services import external_wallets
from tests.support.factories import signed_in
from tests.support.ledger_factories import differences

API = "/api/v1"
IBAN = "DE89370400440532013000"
_keys = count(1)


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"order-{next(_keys)}"}


def refused(answer: Any, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that it is this problem, about this field if one is named; return the body."""
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    if field:
        assert [error["field"] for error in body["errors"]] == [field]
    return body


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def post_order(user: Any, orders: str, wallet: Wallet | int, amount: Any, query: str = "", **body: Any) -> Any:
    """POST a deposit or a withdrawal."""
    wish = {"wallet": getattr(wallet, "pk", wallet), "amount": amount, **body}
    return signed_in(user).post(f"{API}/{orders}{query}", wish, headers=new_key())


def deposit(user: Any, wallet: Wallet | int, amount: Any = "100.00", **body: Any) -> dict[str, Any]:
    answer = post_order(user, "deposits", wallet, amount, **body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def withdraw(user: Any, wallet: Wallet, to: ExternalWallet, amount: Any = "100.00", **body: Any) -> dict[str, Any]:
    answer = post_order(user, "withdrawals", wallet, amount, external_wallet=to.pk, **body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def settle(user: Any, orders: str, order: dict[str, Any] | int, status: str = "paid", **body: Any) -> Any:
    order_id = order["id"] if isinstance(order, dict) else order
    return signed_in(user).put(f"{API}/{orders}/{order_id}/status", {"status": status, **body})


def bank_account(owner: Any, currency: str = "USD", **fields: Any) -> ExternalWallet:
    wanted = {"label": "My bank", "kind": "bank", "details": {"iban": IBAN}} | fields
    return external_wallets.add_external_wallet(owner_id=owner.pk, currency=currency, **wanted)


def make_rule(staff: User, operation: str = "deposit", currency: str = "USD", **terms: Any) -> CommissionRule:
    """In force from now on; texts are amounts."""
    given: dict[str, Any] = {name: Decimal(term) if isinstance(term, str) else term for name, term in terms.items()}
    return commission_rules.make_rule(operation=operation, currency=currency, staff=staff, **given)


def balance_and_held(wallet: Wallet) -> tuple[str, str]:
    """What the wallet holds, and what of it is held."""
    wallet.refresh_from_db()
    return f"{wallet.balance.normalize():f}", f"{wallet.held.normalize():f}"


def house_balance(name: str, currency: str = "USD") -> Decimal:
    return next(h.balance for h in booking.house_balances() if (h.house, h.currency) == (name, currency))


def postings(order: Order) -> list[tuple[int, int, str]]:
    assert order.transaction is not None
    return [
        (posting.source_id, posting.destination_id, f"{posting.amount.normalize():f}")
        for posting in order.transaction.postings.order_by("pk")
    ]


def stored_deposit(made: dict[str, Any]) -> Deposit:
    return Deposit.objects.get(pk=made["id"])


def stored_withdrawal(made: dict[str, Any]) -> Withdrawal:
    return Withdrawal.objects.get(pk=made["id"])


def assert_ledger_balances(*, by_hand: bool = False) -> None:
    """`by_hand`: the test has booked through the ledger alone, so nobody has asked for some of it."""
    if by_hand:
        assert differences() == {}
    else:
        call_command("check_ledger", stdout=io.StringIO(), stderr=io.StringIO())


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Every row of every table is afterwards as it was before; how often somebody asked is counted all the same."""
    before = _fingerprints()
    yield
    assert _fingerprints() == before


def _fingerprints() -> dict[str, str]:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {"accounts_throttlecount"}
        found = {}
        for table in tables:
            rows = "coalesce(string_agg(t::text, '|' ORDER BY t::text), '')"
            cursor.execute(f'SELECT count(*) || md5({rows}) FROM "{table}" t')  # noqa: S608 - our own tables
            found[table] = cursor.fetchone()[0]
    return found
