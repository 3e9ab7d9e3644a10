"""The order of the menus: what staff work with every day comes first, what they set up once comes last."""

from typing import Any

from django.utils.translation import gettext_lazy as _

_APPS = ("payments", "accounts", "catalog", "axes", "admin")
_MODELS = (
    *("Deposit", "Withdrawal", "WebhookEvent", "Transaction", "Wallet", "Transfer", "Exchange", "Quote"),
    *("ExternalWallet", "User", "Product", "Purchase", "Refund"),
    *("Provider", "Currency", "ExchangeRate", "CommissionRule", "SettlementScope", "ApiKey"),
    *("EventEndpoint", "EventDelivery", "Event", "LedgerCheck"),
)
#: Names of tables that are not ours.
_NAMES = {"AccessAttempt": _("Failed sign-ins"), "LogEntry": _("Log entries")}


def in_order(apps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort the menus that the member of staff sees. What is unknown here comes last, by its name."""
    for app in apps:
        app["models"].sort(key=lambda model: (_place(model["object_name"], _MODELS), model["name"]))
        for model in app["models"]:
            model["name"] = _NAMES.get(model["object_name"], model["name"])
    return sorted(apps, key=lambda app: _place(app["app_label"], _APPS))


def _place(name: str, names: tuple[str, ...]) -> int:
    return names.index(name) if name in names else len(names)
