"""What staff see of an order before they decide about it: who, when, how much, and where the money goes."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from payments.ledger.admin.display import money
from payments.orders.models import ExternalWallet, Order
from staff.confirmed_actions import Fact
from staff.read_only import link

HOLDER = "holder"


def order_facts(order: Order) -> list[Fact]:
    """Return what deposits and withdrawals have in common. The balances are those of this moment."""
    return [*_request_facts(order), *_amount_facts(order), *_wallet_facts(order)]


def destination_facts(external: ExternalWallet, owner: User) -> list[Fact]:
    """Return where a withdrawal goes. Of a card no more is kept than its tail."""
    return [
        (_("Goes to"), link(external)),
        (_("Holder of the account"), _holder(external, owner)),
        (_("Account"), details_html(external, without=HOLDER)),
    ]


def details(external: ExternalWallet) -> list[tuple[str, str]]:
    """What is kept of an account elsewhere; of a card that is no more than its tail."""
    return sorted((str(name), str(value)) for name, value in external.details.items())


_MEMBERS: dict[str, Any] = {
    "iban": gettext_lazy("iban"),
    "bic": gettext_lazy("bic"),
    "holder": gettext_lazy("holder"),
    "masked": gettext_lazy("masked"),
    "last4": gettext_lazy("last4"),
    "expiry": gettext_lazy("expiry"),
    "address": gettext_lazy("address"),
    "network": gettext_lazy("network"),
    "description": gettext_lazy("description"),
}


def member(name: str) -> str:
    """Return what the detail is called."""
    return str(_MEMBERS.get(name, name))


def details_html(external: ExternalWallet, *, without: str = "") -> str:
    pairs = [(member(name), value) for name, value in details(external) if name != without]
    return format_html_join("", "<div>{}: <strong>{}</strong></div>", pairs)


def _request_facts(order: Order) -> list[Fact]:
    requested = _("%(time)s UTC, %(ago)s ago") % {
        "time": f"{order.created_at:%Y-%m-%d %H:%M:%S}",
        "ago": timesince(order.created_at, depth=1),
    }
    reference = [(_("Client's reference"), order.reference)] if order.reference else []
    return [
        (_("Order"), link(order)),
        (_("Who"), _requester(order.user)),
        (_("Requested"), requested),
        (_("Provider"), link(order.provider) if order.provider else _("none was named")),
        *reference,
    ]


def _requester(user: User) -> str:
    role = user.get_role_display() if user.is_active else f"{user.get_role_display()}, {_('disabled')}"
    return format_html("{} {} ({})", user.full_name, link(user), role) if user.full_name else _nameless(user, role)


def _nameless(user: User, role: str) -> str:
    return format_html("{} ({})", link(user), role)


def _amount_facts(order: Order) -> list[Fact]:
    commission = money(order.commission, order.currency)
    return [
        (_("Amount"), money(order.amount, order.currency)),
        (_("Commission"), format_html("{} ({})", commission, link(order.rule)) if order.rule else commission),
        (_("Net"), format_html("<strong>{}</strong>", money(order.net, order.currency))),
    ]


def _wallet_facts(order: Order) -> list[Fact]:
    wallet: Any = order.wallet
    return [
        (_("Wallet"), link(wallet, str(wallet.pk))),
        (_("Balance"), money(wallet.balance, order.currency)),
        (_("Held"), money(wallet.held, order.currency)),
        (_("Available"), money(wallet.available, order.currency)),
    ]


def _holder(external: ExternalWallet, owner: User) -> str:
    """Name the holder, and say when that is not the user's own name."""
    holder = str(external.details.get(HOLDER, ""))
    if not holder:
        return _("not given")
    if not owner.full_name or _words(holder) == _words(owner.full_name):
        return format_html("<strong>{}</strong>", holder)
    differs = _("not the user's name, %(name)s") % {"name": owner.full_name}
    return format_html('<strong>{}</strong> <span class="till-differs">({})</span>', holder, differs)


def _words(name: str) -> list[str]:
    """Banks write names in capitals, and in either order."""
    return sorted(name.casefold().replace(",", " ").split())
