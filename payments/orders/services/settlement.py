"""Settles orders, once and for ever, each by itself. What an admin settles is noted in the order's history."""

from typing import Protocol, TypeVar

from django.db import transaction

from accounts.models import Role, User
from payments.operations.plan import MoneyPlan, carry_out
from payments.orders.models import Deposit, Order, Withdrawal
from payments.orders.plans.settlement import DepositSettlement, Settlement, WithdrawalSettlement
from staff.history import record

AnOrder = TypeVar("AnOrder", bound=Order)
AnOrder_co = TypeVar("AnOrder_co", bound=Order, covariant=True)


class _SettlementPlan(MoneyPlan[AnOrder_co], Protocol[AnOrder_co]):
    settlement: Settlement
    by: User
    reason: str
    bank_reference: str
    is_new: bool


def settle_deposit(
    *, deposit_id: int, settlement: Settlement, by: User, reason: str = "", bank_reference: str = ""
) -> Deposit:
    """Book a deposit whose money has arrived, also for a disabled owner; or reject it. Safe to repeat.

    Locks the deposit, then the wallet. Raises what `DepositSettlement.decide` raises; after BalanceTooLarge it is still
    pending.
    """
    return _carry_out(
        DepositSettlement(
            order_id=deposit_id, settlement=settlement, by=by, reason=reason, bank_reference=bank_reference
        )
    )


def settle_withdrawal(
    *, withdrawal_id: int, settlement: Settlement, by: User, reason: str = "", bank_reference: str = ""
) -> Withdrawal:
    """Pay out what a withdrawal holds, less the commission; or give it back. Safe to repeat.

    Locks the withdrawal, its owner's external wallets, then the wallet. Raises what `WithdrawalSettlement.decide`
    raises; after InsufficientFunds it is still pending.
    """
    return _carry_out(
        WithdrawalSettlement(
            order_id=withdrawal_id, settlement=settlement, by=by, reason=reason, bank_reference=bank_reference
        )
    )


def _carry_out(plan: _SettlementPlan[AnOrder]) -> AnOrder:
    if plan.by.role != Role.ADMIN:
        return carry_out(plan)
    with transaction.atomic():
        order = carry_out(plan)
        if plan.is_new:
            reason = f" Reason: {plan.reason}" if plan.reason else ""
            at_bank = f" Bank reference: {plan.bank_reference}." if plan.bank_reference else ""
            record(about=order, staff=plan.by, text=f"Settled: {plan.settlement}.{at_bank}{reason}")
        return order
