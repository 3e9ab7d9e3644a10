"""The five services whose addresses Till can answer. No Django: the settings read their names here."""

from typing import Final, NamedTuple


class OldService(NamedTuple):
    """A service that Till stands in for. `name` is what TILL_LEGACY calls it."""

    name: str


#: Its document prints no address: it gets those of ACCOUNTS, its nearest relative.
WEBHOOK_HANDLER: Final = OldService("webhook-handler")
ACCOUNTS: Final = OldService("accounts")
#: The specification that SHOP implements. It prints no address but the webhook's.
BILLS: Final = OldService("bills")
SHOP: Final = OldService("shop")
WALLETS: Final = OldService("wallets")

NAMES: Final = tuple(service.name for service in (WEBHOOK_HANDLER, ACCOUNTS, BILLS, SHOP, WALLETS))
#: Instead of all five names.
ALL: Final = "all"
