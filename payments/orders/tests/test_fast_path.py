"""What the event loop takes of requests about orders: nothing that the view refuses, and with the view's answers."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from payments.models import ExternalWallet, Wallet
from payments.operations.fast_operation import FastOperation
from payments.orders.fast_path import REQUEST_DEPOSIT, REQUEST_WITHDRAWAL, SETTLE_DEPOSIT, SETTLE_WITHDRAWAL
from payments.orders.serializers.orders import (
    DepositWriteSerializer,
    SettlementSerializer,
    WithdrawalWriteSerializer,
)
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.plan_batches import in_a_running_loop, run_batch
from tests.support.rest import API, signed_in

SERIALIZERS: dict[FastOperation, Any] = {
    REQUEST_DEPOSIT: DepositWriteSerializer,
    REQUEST_WITHDRAWAL: WithdrawalWriteSerializer,
    SETTLE_DEPOSIT: SettlementSerializer,
}
DEPOSIT = {"wallet": 1, "amount": "5.00"}
WITHDRAWAL = {**DEPOSIT, "external_wallet": 2}
REJECTED = {"status": "rejected"}


def answered(operation: FastOperation, user: Any, data: dict[str, Any], order_id: int | None = None) -> Any:
    """The answer of the event loop to one request."""
    plan = operation.plan(user.pk, data, order_id)
    assert plan is not None
    [order] = run_batch(plan)
    return in_a_running_loop(lambda: operation.answer(user, order))


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return recipes.bank_account.make(owner=alice)


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (REQUEST_DEPOSIT, DEPOSIT),
        (REQUEST_DEPOSIT, DEPOSIT | {"amount": 5}),
        (REQUEST_DEPOSIT, DEPOSIT | {"amount": Decimal("5.10")}),
        (REQUEST_DEPOSIT, DEPOSIT | {"amount": "-1"}),
        (REQUEST_DEPOSIT, DEPOSIT | {"provider": "sha1_colon"}),
        (REQUEST_WITHDRAWAL, WITHDRAWAL),
        (REQUEST_WITHDRAWAL, WITHDRAWAL | {"provider": "nobody"}),
        (SETTLE_DEPOSIT, {"status": "paid"}),
        (SETTLE_DEPOSIT, {"status": "paid", "reason": "", "bank_reference": "NTRF 0042"}),
        (SETTLE_DEPOSIT, REJECTED),
        (SETTLE_DEPOSIT, REJECTED | {"reason": "No such account."}),
    ],
)
def test_a_plain_body_is_taken_as_the_serializer_reads_it(operation: FastOperation, data: Any) -> None:
    plan, serializer = operation.plan(7, data, 3), SERIALIZERS[operation](data=data)
    serializer.is_valid(raise_exception=True)
    for name, value in serializer.validated_data.items():
        assert getattr(plan, {"status": "settlement"}.get(name, name)) == value
    assert getattr(plan, "user_id", 7) == 7
    assert getattr(plan, "order_id", 3) == 3


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (REQUEST_DEPOSIT, {}),
        (REQUEST_DEPOSIT, WITHDRAWAL),
        (REQUEST_DEPOSIT, DEPOSIT | {"wallet": 0}),
        (REQUEST_DEPOSIT, DEPOSIT | {"wallet": True}),
        (REQUEST_DEPOSIT, DEPOSIT | {"wallet": 2**63}),
        (REQUEST_DEPOSIT, DEPOSIT | {"amount": "1e2"}),
        (REQUEST_DEPOSIT, DEPOSIT | {"amount": True}),
        (REQUEST_DEPOSIT, DEPOSIT | {"provider": None}),
        (REQUEST_DEPOSIT, DEPOSIT | {"provider": ""}),
        (REQUEST_DEPOSIT, DEPOSIT | {"provider": "x" * 51}),
        (REQUEST_WITHDRAWAL, DEPOSIT),
        (REQUEST_WITHDRAWAL, WITHDRAWAL | {"external_wallet": None}),
        (REQUEST_WITHDRAWAL, WITHDRAWAL | {"note": "x"}),
        (SETTLE_DEPOSIT, {}),
        (SETTLE_DEPOSIT, {"status": "pending"}),
        (SETTLE_DEPOSIT, {"status": ["paid"]}),
        (SETTLE_DEPOSIT, {"status": "paid", "reason": "because"}),
        (SETTLE_DEPOSIT, REJECTED | {"reason": "x" * 201}),
        (SETTLE_DEPOSIT, REJECTED | {"reason": "a\nb"}),
        (SETTLE_DEPOSIT, REJECTED | {"reason": None}),
        (SETTLE_DEPOSIT, REJECTED | {"by": 1}),
        (SETTLE_DEPOSIT, {"status": "paid", "bank_reference": "x" * 141}),
        (SETTLE_DEPOSIT, {"status": "paid", "bank_reference": "a\u202eb"}),
        (SETTLE_DEPOSIT, {"status": "paid", "bank_reference": None}),
    ],
)
def test_what_the_serializer_refuses_is_left_to_the_view(operation: FastOperation, data: Any) -> None:
    with pytest.raises(ValidationError):
        SERIALIZERS[operation](data=data).is_valid(raise_exception=True)
    assert operation.plan(7, data, 3) is None


@pytest.mark.parametrize("settlement", [{"status": "paid"}, REJECTED | {"reason": "No."}])
def test_the_event_loop_answers_as_the_views_do(
    alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet, settlement: dict[str, str]
) -> None:
    data = {"wallet": wallet.pk, "amount": "5.00", "provider": "sha1_colon"}
    for name, request, settle, body in (
        ("deposits", REQUEST_DEPOSIT, SETTLE_DEPOSIT, data),
        ("withdrawals", REQUEST_WITHDRAWAL, SETTLE_WITHDRAWAL, data | {"external_wallet": bank.pk}),
    ):
        order = answered(request, alice, body)
        assert order == signed_in(alice).get(f"{API}/{name}/{order['id']}").json()
        settled = answered(settle, service, settlement, order["id"])
        assert settled == signed_in(service).get(f"{API}/{name}/{order['id']}").json()
        again = signed_in(service).put(f"{API}/{name}/{order['id']}/status", settlement)
        assert (again.status_code, again.json()) == (settle.status, settled)
