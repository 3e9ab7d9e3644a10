"""What money operations ask about wallets and currencies, for the plans in `payments.operations`."""

from functools import lru_cache
from typing import NamedTuple

from payments.ledger.models import Currency
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import Question

#: The currency of a wallet.
CURRENCY_OF_WALLET = Question(
    "SELECT asked.n, currency.code, currency.name, currency.decimal_places, currency.is_active"
    " FROM {rows} AS asked (n, wallet_id)"
    " JOIN payments_wallet wallet ON wallet.id = asked.wallet_id"
    " JOIN payments_currency currency ON currency.code = wallet.currency_id",
    BIGINT,
)
#: The owner of a user's wallet.
OWNER_OF_WALLET = Question(
    "SELECT asked.n, wallet.currency_id, owner.id, owner.role, owner.is_active"
    " FROM {rows} AS asked (n, wallet_id)"
    " JOIN payments_wallet wallet ON wallet.id = asked.wallet_id"
    " JOIN accounts_user owner ON owner.id = wallet.owner_id",
    BIGINT,
)


class Owner(NamedTuple):
    currency: str
    user_id: int
    role: str
    is_active: bool


def currency_from(rows: Rows) -> Currency | None:
    """Return the answer to CURRENCY_OF_WALLET. Nobody may change the object: others have it too."""
    return known_currency(*rows[0]) if rows else None


def owner_from(rows: Rows) -> Owner | None:
    """Return the answer to OWNER_OF_WALLET. None: there is no such wallet, or it is the house's."""
    return Owner(*rows[0]) if rows else None


@lru_cache(maxsize=1024)
def known_currency(code: str, name: str, decimal_places: int, is_active: bool) -> Currency:
    """Return a currency that was read with something else. Nobody may change the object."""
    return Currency(code=code, name=name, decimal_places=decimal_places, is_active=is_active)
