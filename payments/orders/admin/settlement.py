"""What staff settle, once and for ever: approve and reject, one order or many."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from payments.ledger import booking
from payments.ledger.admin.display import money
from payments.orders import services
from payments.orders.admin.facts import destination_facts, details, member, order_facts
from payments.orders.models import BANK_REFERENCE_MAX_LENGTH, Deposit, Order, OrderStatus, Withdrawal
from payments.orders.plans.settlement import Settlement
from staff.confirmed_actions import REASON_MAX_LENGTH, ConfirmedAction, Fact, ReasonForm, line_field
from staff.separation_of_duties import OwnOrder

_WORDS: dict[str, Any] = {
    "paid": gettext_lazy("paid"),
    "rejected": gettext_lazy("rejected"),
    "cancelled": gettext_lazy("cancelled"),
}


class NotForYou(Exception):
    """Only admins give a verdict here."""


class ApprovalForm(ReasonForm):
    """The usual verdict explains itself."""

    bank_reference = line_field(
        label=gettext_lazy("Bank reference"),
        help_text=gettext_lazy("What the bank calls the payment, as on its statement. The user can read it."),
        max_length=BANK_REFERENCE_MAX_LENGTH,
        required=False,
    )
    reason = line_field(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("May be empty. Kept in the history, with your name and the time."),
        max_length=REASON_MAX_LENGTH,
        required=False,
    )
    field_order = ("bank_reference", "reason")


class SettleAction(ConfirmedAction):
    settlement: ClassVar[Settlement]
    in_row = True
    refusals = (NotForYou, OwnOrder, services.AlreadySettled, booking.LedgerError)

    def is_available(self, target: Order) -> bool:
        return target.status == OrderStatus.PENDING

    def is_offered(self, target: Order, staff: User) -> bool:
        """Nobody decides about money that is their own. The service refuses it too."""
        return self.is_available(target) and target.user_id != staff.pk

    def facts(self, target: Any) -> list[Fact]:
        return order_facts(target)

    def describe(self, target: Order) -> str:
        if not self.is_available(target):
            return _("was %(status)s already; nothing will move.") % {"status": _WORDS[target.status]}
        disabled = "" if target.user.is_active else f" {_('The owner is disabled.')}"
        return f"{self.outlook(target, whose(target))}{disabled}"

    def outlook(self, target: Any, wallet: str) -> str:
        raise NotImplementedError

    def perform(self, *, target: Order, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        settle(target, settlement=self.settlement, by=staff, **data)
        if target.status == self.settlement:
            return _("was %(status)s already; nothing moved.") % {"status": _WORDS[self.settlement]}
        return f"{_WORDS[self.settlement]}."


class ApproveAction(SettleAction):
    name = "approve"
    title = button = gettext_lazy("Approve")
    settlement = "paid"
    form_class = ApprovalForm


class RejectAction(SettleAction):
    name = "reject"
    title = button = gettext_lazy("Reject")
    settlement = "rejected"


class ApproveDepositAction(ApproveAction):
    explanation = gettext_lazy(
        "The money has arrived outside. It is booked to the wallet, less the commission, once and for ever."
    )

    def outlook(self, target: Deposit, wallet: str) -> str:
        net = _("%(amount)s to %(wallet)s") % {"amount": money(target.net, target.currency), "wallet": wallet}
        return f"{net}{less(target)}."


class RejectDepositAction(RejectAction):
    explanation = gettext_lazy("The money has not arrived. Nothing moves, for ever. The owner can read the reason.")

    def outlook(self, target: Deposit, wallet: str) -> str:
        amount = money(target.amount, target.currency)
        return _("%(amount)s do not reach %(wallet)s.") % {"amount": amount, "wallet": wallet}


class SettleWithdrawalAction(SettleAction):
    """Says besides where the money goes."""

    def facts(self, target: Withdrawal) -> list[Fact]:
        return [*super().facts(target), *destination_facts(target.external_wallet, target.user)]


class ApproveWithdrawalAction(ApproveAction, SettleWithdrawalAction):
    explanation = gettext_lazy(
        "The money was paid out. What is held leaves the wallet, less the commission, once and for ever."
    )

    def outlook(self, target: Withdrawal, wallet: str) -> str:
        external = target.external_wallet
        text = _("%(amount)s from %(wallet)s to %(destination)s: %(account)s") % {
            "amount": money(target.net, target.currency),
            "wallet": wallet,
            "destination": external,
            "account": ", ".join(f"{member(name)} {value}" for name, value in details(external)),
        }
        return f"{text}{less(target)}."


class RejectWithdrawalAction(RejectAction, SettleWithdrawalAction):
    explanation = gettext_lazy("The money was not paid out. What is held is free again. The owner can read the reason.")

    def outlook(self, target: Withdrawal, wallet: str) -> str:
        amount = money(target.amount, target.currency)
        return _("%(amount)s are free again in %(wallet)s.") % {"amount": amount, "wallet": wallet}


def settle(order: Order, *, settlement: Settlement, by: User, reason: str, bank_reference: str = "") -> None:
    """Settle through the service of the order's kind, which also notes it. Raises NotForYou too."""
    members: dict[str, Any] = {"settlement": settlement, "by": by, "reason": reason, "bank_reference": bank_reference}
    try:
        if isinstance(order, Deposit):
            services.settle_deposit(deposit_id=order.pk, **members)
        else:
            services.settle_withdrawal(withdrawal_id=order.pk, **members)
    except (Deposit.DoesNotExist, Withdrawal.DoesNotExist):
        raise NotForYou from None


def whose(order: Order) -> str:
    return _("wallet %(wallet)s of %(user)s") % {"wallet": order.wallet_id, "user": order.user}


def less(order: Order) -> str:
    """Say what the house takes, if anything."""
    if not order.commission:
        return ""
    return f"; {_('%(amount)s commission') % {'amount': money(order.commission, order.currency)}}"
