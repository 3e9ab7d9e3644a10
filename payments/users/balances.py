"""A user's balances and pending orders, for whoever is about to disable or delete the user."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from api.decimals import format_amount
from payments.ledger.models import Wallet
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal


@dataclass(frozen=True, slots=True)
class CurrencySum:
    """The sum of one kind in one currency. `kind` is balance, deposit or withdrawal."""

    kind: str
    currency: str
    count: int
    amount: str

    def __str__(self) -> str:
        if self.kind == "balance":
            text = _("holds %(amount)s %(currency)s")
        elif self.kind == "deposit":
            text = ngettext(
                "%(count)s pending deposit of %(amount)s %(currency)s",
                "%(count)s pending deposits of %(amount)s %(currency)s",
                self.count,
            )
        else:
            text = ngettext(
                "%(count)s pending withdrawal of %(amount)s %(currency)s",
                "%(count)s pending withdrawals of %(amount)s %(currency)s",
                self.count,
            )
        return text % {"count": self.count, "amount": self.amount, "currency": self.currency}


@dataclass(frozen=True, slots=True)
class UserMoney:
    """Balances that are not zero, below zero included, and pending orders; a sum for each currency."""

    balances: list[CurrencySum]
    pending_orders: list[CurrencySum]

    def __bool__(self) -> bool:
        return bool(self.balances or self.pending_orders)

    def __str__(self) -> str:
        return ", ".join(map(str, [*self.balances, *self.pending_orders]))

    @property
    def members(self) -> dict[str, list[dict[str, Any]]]:
        """Return it as an answer's body has it."""
        balances = [{"currency": one.currency, "amount": one.amount} for one in self.balances]
        return {"balances": balances, "pending_orders": pending_members(self.pending_orders)}


def user_money(user_id: int) -> UserMoney:
    """Return the user's balances and pending orders. Locks nothing: money may arrive right afterwards."""
    held = Wallet.objects.filter(owner_id=user_id).exclude(balance=0)
    return UserMoney(list(_sums("balance", held, "balance")), pending_orders(user_id))


def pending_orders(user_id: int) -> list[CurrencySum]:
    kinds: tuple[type[Order], ...] = (Deposit, Withdrawal)
    return [
        one
        for kind in kinds
        for one in _sums(
            str(kind._meta.model_name),
            kind._default_manager.filter(user_id=user_id, status=OrderStatus.PENDING),
            "amount",
        )
    ]


def pending_members(sums: list[CurrencySum]) -> list[dict[str, Any]]:
    return [{"kind": one.kind, "currency": one.currency, "count": one.count, "amount": one.amount} for one in sums]


def _sums(kind: str, rows: QuerySet[Any], column: str) -> Iterator[CurrencySum]:
    named = rows.order_by("currency_id").values_list("currency_id", "currency__decimal_places")
    for currency, places, count, amount in named.annotate(Count("pk"), Sum(column)):
        yield CurrencySum(kind, currency, count, format_amount(Decimal(amount), places))
