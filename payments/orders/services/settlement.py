"""Settles orders, once and for ever: the money moves, or the hold is released."""

from typing import Literal, TypeVar

from django.db import transaction
from django.utils import timezone

from accounts.models import Role, User
from payments.ledger import booking
from payments.ledger.models import Transaction, Wallet
from payments.money import EXACT
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.orders.services.external_wallets import forget_if_deleted, lock_external_wallets_of
from payments.orders.services.settlement_scopes import covers
from staff.history import record
from staff.separation_of_duties import refuse_own

Settlement = Literal["paid", "rejected"]
AnOrder = TypeVar("AnOrder", bound=Order)


class AlreadySettled(Exception):
    """The order was settled otherwise already."""

    field = "status"

    def __init__(self, status: str) -> None:
        super().__init__(f"The order was {status} already.")
        self.extra = {"settled": status}


@transaction.atomic
def settle_deposit(*, deposit_id: int, settlement: Settlement, by: User, reason: str = "") -> Deposit:
    """Book a deposit whose money has arrived, also for a disabled owner; or reject it. Safe to repeat.

    Locks the deposit, then the wallet. Raises Deposit.DoesNotExist when `by` may not settle it, OwnOrder when it is
    their own, AlreadySettled, or the ledger's BalanceTooLarge, after which it is still pending.
    """
    deposit = _locked(Deposit, deposit_id, by)
    if _is_settled(deposit, settlement):
        return deposit
    if settlement == "paid":
        deposit.transaction_id = (
            booking.lock([deposit.wallet_id]).book_one(_deposit_transaction(deposit)).transaction_id
        )
    return _settled(deposit, settlement, by, reason)


@transaction.atomic
def settle_withdrawal(*, withdrawal_id: int, settlement: Settlement, by: User, reason: str = "") -> Withdrawal:
    """Pay out what a withdrawal holds, less the commission; or give it back. Safe to repeat.

    Locks the withdrawal, its owner's external wallets, then the wallet. Raises Withdrawal.DoesNotExist when `by` may
    not settle it, OwnOrder when it is their own, or AlreadySettled. Raises InsufficientFunds when a reversal has taken
    the money meanwhile; it is still pending then.
    """
    withdrawal = _locked(Withdrawal, withdrawal_id, by)
    if _is_settled(withdrawal, settlement):
        return withdrawal
    lock_external_wallets_of([withdrawal.user_id])  # whoever deletes the owner waits, or has finished
    locked = booking.lock([withdrawal.wallet_id])
    locked.release(withdrawal.wallet_id, withdrawal.amount)
    if settlement == "paid":
        withdrawal.transaction_id = locked.book_one(_withdrawal_transaction(withdrawal)).transaction_id
    settled = _settled(withdrawal, settlement, by, reason)
    forget_if_deleted([settled.user_id])
    return settled


def _locked(kind: type[AnOrder], order_id: int, by: User) -> AnOrder:
    """Lock the order's row. An order that `by` may not settle counts as missing."""
    orders = kind._default_manager.select_related("currency", "provider", "user")
    order: AnOrder = orders.select_for_update(no_key=True, of=("self",)).get(pk=order_id)
    if not covers(by, order):
        raise kind.DoesNotExist
    refuse_own(by, order.user_id)
    return order


def _is_settled(order: Order, settlement: Settlement) -> bool:
    """Tell whether it is settled like this already. Raises AlreadySettled when it is settled otherwise."""
    if order.status not in (OrderStatus.PENDING, settlement):
        raise AlreadySettled(order.status)
    return order.status == settlement


def _settled(order: AnOrder, settlement: Settlement, by: User, reason: str) -> AnOrder:
    """Write the settlement. The owner can read the reason of a rejection; only the history has that of a payment."""
    order.status, order.reason = OrderStatus(settlement), reason if settlement == "rejected" else ""
    order.settled_by, order.settled_at = by, timezone.now()
    order.save(update_fields=["status", "reason", "transaction", "settled_by", "settled_at"])
    if by.role == Role.ADMIN:
        record(about=order, staff=by, text=f"Settled: {settlement}.{f' Reason: {reason}' if reason else ''}")
    return order


def _deposit_transaction(deposit: Deposit) -> booking.NewTransaction:
    """Return the transaction. Its commission is paid from its own amount, even where the balance is below zero."""
    clearing, commission = _houses(deposit)
    postings = [booking.NewPosting(clearing, deposit.wallet_id, deposit.amount)]
    if deposit.commission:
        postings.append(booking.NewPosting(deposit.wallet_id, commission, deposit.commission))
    return booking.NewTransaction(Transaction.Kind.DEPOSIT, tuple(postings), f"deposit {deposit.pk}", overdraws=True)


def _withdrawal_transaction(withdrawal: Withdrawal) -> booking.NewTransaction:
    clearing, commission = _houses(withdrawal)
    out = ((clearing, EXACT.subtract(withdrawal.amount, withdrawal.commission)), (commission, withdrawal.commission))
    postings = tuple(booking.NewPosting(withdrawal.wallet_id, house, amount) for house, amount in out if amount)
    return booking.NewTransaction(Transaction.Kind.WITHDRAWAL, postings, f"withdrawal {withdrawal.pk}")


def _houses(order: Order) -> tuple[int, int]:
    return (
        booking.house_wallet(Wallet.House.CLEARING, order.currency_id),
        booking.house_wallet(Wallet.House.COMMISSION, order.currency_id),
    )
