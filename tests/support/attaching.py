"""Everything that a client creates with a reference and metadata, made over REST."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from catalog.models import Purchase
from payments.models import Deposit, Exchange, Transfer, Wallet, Withdrawal
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import wallet_with
from tests.support.purchases import a_product
from tests.support.rest import API, new_key, signed_in

KINDS: dict[str, Any] = {
    "deposits": Deposit,
    "withdrawals": Withdrawal,
    "transfers": Transfer,
    "exchanges": Exchange,
    "purchases": Purchase,
}
of_every_kind = pytest.mark.parametrize("kind", KINDS)


class Creator:
    """A user who can create one of each kind."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.wallet = wallet_with(user, "USD", "1000")
        self.client = signed_in(user)

    def body(self, kind: str) -> dict[str, Any]:
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "deposits": lambda: {"wallet": self.wallet.pk, "amount": "5.00"},
            "withdrawals": lambda: {
                "wallet": self.wallet.pk,
                "amount": "5.00",
                "external_wallet": recipes.bank_account.make(owner=self.user).pk,
            },
            "transfers": lambda: {"source": self.wallet.pk, "amount": "5.00", "destination": self._second("USD").pk},
            "exchanges": self._exchange,
            "purchases": lambda: {"product": a_product().pk, "wallet": self.wallet.pk},
        }
        return makers[kind]()

    def _exchange(self) -> dict[str, Any]:
        store_rate()
        return {"source": self.wallet.pk, "destination": self._second("EUR").pk, "amount": "5.00"}

    def _second(self, currency: str) -> Wallet:
        return wallet_with(self.user, currency, "1")

    def create(self, kind: str, *, query: str = "", key: dict[str, str] | None = None, **members: Any) -> Any:
        body = {**self.body(kind), **members}
        return self.client.post(f"{API}/{kind}{query}", body, headers=key or new_key())

    def read(self, kind: str, number: int) -> Any:
        return self.client.get(f"{API}/{kind}/{number}")

    def listed(self, kind: str, **query: str) -> Any:
        return self.client.get(f"{API}/{kind}", query)
