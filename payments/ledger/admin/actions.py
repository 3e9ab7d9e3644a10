"""Staff's actions: reverse a transaction, and allow or stop overdraft by reversals."""

from typing import Any, ClassVar

from django.http import HttpRequest

from accounts.models import User
from payments.ledger import booking
from payments.ledger.admin.display import money
from payments.ledger.models import Reversal, Transaction, Wallet
from payments.ledger.services import reversals
from staff.confirmed_actions import ConfirmedAction
from staff.separation_of_duties import OwnOrder


class ReverseAction(ConfirmedAction):
    name = "reverse"
    title = "Reverse a transaction"
    button = "Reverse"
    explanation = "The opposite of each posting is booked, once. Nothing is edited or deleted, and it cannot be undone."
    one_at_a_time = True
    refusals = (OwnOrder, reversals.NotReversible, reversals.AlreadyReversed, booking.LedgerError)

    def is_available(self, target: Transaction) -> bool:
        return target.kind in reversals.REVERSIBLE and reversal_of(target) is None

    def describe(self, target: Transaction) -> str:
        if target.kind not in reversals.REVERSIBLE:
            return str(reversals.NotReversible.__doc__)
        if reversal_of(target):
            return str(reversals.AlreadyReversed.__doc__)
        postings = target.postings.select_related("currency").order_by("-pk")[: self._MAX_POSTINGS]
        return "; ".join(
            f"{money(row.amount, row.currency)} back from wallet {row.destination_id} to {row.source_id}"
            for row in postings
        )

    def perform(self, *, target: Transaction, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        reversal = reversals.reverse(transaction_id=target.pk, reason=data["reason"], staff=staff)
        return f"reversed by transaction {reversal.transaction_id}."

    _MAX_POSTINGS: ClassVar[int] = 5


def reversal_of(transaction: Transaction) -> Reversal | None:
    """Return what took the transaction back."""
    return getattr(transaction, "reversal", None)


class HouseWalletHasNoLimit(Exception):
    """The house's wallets have no limit."""


class OverdraftAction(ConfirmedAction):
    allowed: ClassVar[bool]
    one_at_a_time = True
    refusals = (OwnOrder, HouseWalletHasNoLimit, reversals.WalletOverdrawn)

    def is_available(self, target: Wallet) -> bool:
        return not target.house and target.may_overdraw != self.allowed

    def describe(self, target: Wallet) -> str:
        if target.house:
            return str(HouseWalletHasNoLimit.__doc__)
        return (
            f"{money(target.balance, target.currency)} of {target.owner}, {money(target.held, target.currency)} held."
        )

    def perform(self, *, target: Wallet, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        if target.house:
            raise HouseWalletHasNoLimit
        reversals.allow_overdraft(wallet_id=target.pk, allowed=self.allowed, staff=staff, reason=data["reason"])
        return f"reversals may {'' if self.allowed else 'no longer '}overdraw it."


class AllowOverdraftAction(OverdraftAction):
    name = "allow-overdraft"
    title = button = "Allow overdraft by reversals"
    explanation = "What came in can then be reversed even when it is spent: the balance falls below zero."
    allowed = True


class StopOverdraftAction(OverdraftAction):
    name = "stop-overdraft"
    title = button = "Stop overdraft by reversals"
    explanation = "Reversals are refused again when the money is gone."
    allowed = False
