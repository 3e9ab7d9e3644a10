"""Requests and settlements of orders, as the event loop takes them. What an admin settles goes to the view."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from accounts.models import Role, User
from api.plain_members import are_known, plain_amount, plain_id, plain_text
from payments.metadata.members import NAMES, Attached, plain_attached
from payments.operations.fast_operation import FastOperation
from payments.orders.models import BANK_REFERENCE_MAX_LENGTH, Deposit, Withdrawal
from payments.orders.plans.requests import DepositRequest, WithdrawalRequest
from payments.orders.plans.settlement import DepositSettlement, Settlement, WithdrawalSettlement
from payments.orders.serializers.orders import (
    REASON_MAX_LENGTH,
    SLUG_MAX_LENGTH,
    deposit_answer,
    withdrawal_answer,
)

_SETTLEMENTS: Mapping[Any, Settlement] = {"paid": "paid", "rejected": "rejected"}


class _RequestMembers(NamedTuple):
    """The members that both kinds of request have."""

    wallet_id: int
    amount: Decimal
    provider: str | None
    attached: Attached


class _SettlementMembers(NamedTuple):
    order_id: int
    settlement: Settlement
    reason: str
    bank_reference: str


def _request(data: Mapping[str, Any]) -> _RequestMembers | None:
    wallet_id, amount = plain_id(data.get("wallet")), plain_amount(data.get("amount"))
    provider = plain_text(data["provider"], SLUG_MAX_LENGTH) if "provider" in data else None
    attached = plain_attached(data)
    if wallet_id is None or amount is None or attached is None or ("provider" in data and not provider):
        return None
    return _RequestMembers(wallet_id, amount, provider, attached)


def _deposit(user_id: int, data: Mapping[str, Any], _id: int | None) -> DepositRequest | None:
    request = _request(data)
    if request is None or not are_known(data, "wallet", "amount", "provider", *NAMES):
        return None
    return DepositRequest(user_id=user_id, **request._asdict())


def _withdrawal(user_id: int, data: Mapping[str, Any], _id: int | None) -> WithdrawalRequest | None:
    request, external_wallet_id = _request(data), plain_id(data.get("external_wallet"))
    is_plain = are_known(data, "wallet", "amount", "provider", "external_wallet", *NAMES)
    if request is None or external_wallet_id is None or not is_plain:
        return None
    return WithdrawalRequest(user_id=user_id, external_wallet_id=external_wallet_id, **request._asdict())


def _settlement(data: Mapping[str, Any], order_id: int | None) -> _SettlementMembers | None:
    status, reason = data.get("status"), plain_text(data.get("reason", ""), REASON_MAX_LENGTH)
    bank_reference = plain_text(data.get("bank_reference", ""), BANK_REFERENCE_MAX_LENGTH)
    settlement = _SETTLEMENTS.get(status) if type(status) is str else None
    if order_id is None or settlement is None or reason is None or bank_reference is None:
        return None
    if (reason and settlement == "paid") or not are_known(data, "status", "reason", "bank_reference"):
        return None
    return _SettlementMembers(order_id, settlement, reason, bank_reference)


def _deposit_settlement(user_id: int, data: Mapping[str, Any], id_: int | None) -> DepositSettlement | None:
    settlement = _settlement(data, id_)
    return None if settlement is None else DepositSettlement(by=_service(user_id), **settlement._asdict())


def _withdrawal_settlement(user_id: int, data: Mapping[str, Any], id_: int | None) -> WithdrawalSettlement | None:
    settlement = _settlement(data, id_)
    return None if settlement is None else WithdrawalSettlement(by=_service(user_id), **settlement._asdict())


def _service(user_id: int) -> User:
    """Return who settles. Nobody with another role gets as far as the decision."""
    return User(pk=user_id, role=Role.SERVICE)


def _deposit_answer(_user: User, deposit: Deposit) -> dict[str, Any]:
    return deposit_answer(deposit)


def _withdrawal_answer(_user: User, withdrawal: Withdrawal) -> dict[str, Any]:
    return withdrawal_answer(withdrawal)


REQUEST_DEPOSIT = FastOperation(role=Role.USER, status=201, plan=_deposit, answer=_deposit_answer)
REQUEST_WITHDRAWAL = FastOperation(role=Role.USER, status=201, plan=_withdrawal, answer=_withdrawal_answer)
SETTLE_DEPOSIT = FastOperation(
    role=Role.SERVICE, status=200, plan=_deposit_settlement, answer=_deposit_answer, is_keyed=False
)
SETTLE_WITHDRAWAL = FastOperation(
    role=Role.SERVICE, status=200, plan=_withdrawal_settlement, answer=_withdrawal_answer, is_keyed=False
)
