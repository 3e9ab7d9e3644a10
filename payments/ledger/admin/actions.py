"""Staff's actions: reverse a transaction, and allow or stop overdraft by reversals."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.refusals import line_of
from payments.ledger import booking
from payments.ledger.admin.display import money
from payments.ledger.models import Reversal, Transaction, Wallet
from payments.ledger.services import reversals
from staff.confirmed_actions import ConfirmedAction
from staff.separation_of_duties import OwnOrder


class ReverseAction(ConfirmedAction):
    name = "reverse"
    title = _("Reverse a transaction")
    button = _("Reverse")
    explanation = _(
        "The opposite of each posting is booked, once. Nothing is edited or deleted, and it cannot be undone."
    )
    one_at_a_time = True
    refusals = (OwnOrder, reversals.NotReversible, reversals.AlreadyReversed, booking.LedgerError)

    def is_available(self, target: Transaction) -> bool:
        return target.kind in reversals.REVERSIBLE and reversal_of(target) is None

    def describe(self, target: Transaction) -> str:
        if target.kind not in reversals.REVERSIBLE:
            return line_of(reversals.NotReversible)
        if reversal_of(target):
            return line_of(reversals.AlreadyReversed)
        postings = target.postings.select_related("currency").order_by("-pk")[: self._MAX_POSTINGS]
        text = gettext("%(amount)s back from wallet %(destination)s to %(source)s")
        return "; ".join(
            text
            % {
                "amount": money(row.amount, row.currency),
                "destination": row.destination_id,
                "source": row.source_id,
            }
            for row in postings
        )

    def perform(self, *, target: Transaction, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        reversal = reversals.reverse(transaction_id=target.pk, reason=data["reason"], staff=staff)
        return gettext("reversed by transaction %(id)s.") % {"id": reversal.transaction_id}

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
            return line_of(HouseWalletHasNoLimit)
        return gettext("%(balance)s of %(owner)s, %(held)s held.") % {
            "balance": money(target.balance, target.currency),
            "owner": target.owner,
            "held": money(target.held, target.currency),
        }

    def perform(self, *, target: Wallet, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        if target.house:
            raise HouseWalletHasNoLimit
        reversals.allow_overdraft(wallet_id=target.pk, allowed=self.allowed, staff=staff, reason=data["reason"])
        if self.allowed:
            return gettext("reversals may overdraw it.")
        return gettext("reversals may no longer overdraw it.")


class AllowOverdraftAction(OverdraftAction):
    name = "allow-overdraft"
    title = button = _("Allow overdraft by reversals")
    explanation = _("What came in can then be reversed even when it is spent: the balance falls below zero.")
    allowed = True


class StopOverdraftAction(OverdraftAction):
    name = "stop-overdraft"
    title = button = _("Stop overdraft by reversals")
    explanation = _("Reversals are refused again when the money is gone.")
    allowed = False
