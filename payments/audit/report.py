"""What an audit found."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

#: Every kind of difference; docs/ledger.md says what to do about each.
MEANINGS = {
    "wallet_balance": "a wallet's balance is not the sum of its postings",
    "wallet_sequence": "a wallet's sequence is not the number of its postings",
    "wallet_held": "what a wallet holds is not the sum of its pending withdrawals",
    "wallet_overdrawn": "a wallet's balance is below zero or below what is held",
    "wallet_house": "a house wallet stores a balance of its own, or its id is of the wrong range",
    "line_sequence": "a wallet's numbers have a gap or a number twice",
    "line_balance": "a balance recorded after a posting does not follow from the one before it",
    "line_time": "a posting is older than the one numbered before it",
    "posting_amount": "an amount is not positive",
    "posting_sides": "source and destination are one wallet",
    "posting_wallet": "a side is no wallet",
    "posting_currency": "a side is a wallet of another currency",
    "posting_unnumbered": "a user's side has no number or no balance",
    "posting_numbered": "a house wallet's side has a number or a balance",
    "posting_transaction": "a posting belongs to no transaction",
    "transaction_empty": "a transaction has no postings",
    "transaction_kind": "a transaction is of no known kind",
    "transaction_event": "a deposit that no order names is claimed by no event",
    "transaction_order": "a transaction has no document of its kind: nobody asked for it",
    "order_transaction": "a document, such as a settled order or a purchase, has no transaction of its own",
    "order_postings": "the postings are not those that were asked for",
    "order_owner": "an order is on a wallet of another user",
    "order_refunded": "what a purchase says was refunded is not the sum of its refunds",
    "event_transaction": "a credited event has no deposit",
    "event_repeated": "two events, or an event and an order, claim one transaction",
    "event_postings": "a webhook's deposit has not exactly one posting",
    "event_source": "a webhook's money does not come from clearing",
    "event_wallet": "an event's money went to another wallet",
    "event_owner": "an event's wallet is another user's",
    "event_currency": "an event's currency is not the posting's",
    "event_amount": "an event's amount is not the posting's",
    "event_balance": "an event's balance is not the one recorded with the posting",
    "event_reference": "a transaction names another event than the one that claims it",
    "event_uncredited": "an event that was not credited has a transaction",
    "checkpoint_balance": "the house's checkpoint is not the sum of the postings up to it",
    "checkpoint_place": "the checkpoints do not stand at one posting that exists",
    "checkpoint_wallet": "a checkpoint is of no house wallet",
    "currency_total": "the balances of a currency, the users' and the house's, do not sum to zero",
}


class Difference(NamedTuple):
    """Fields in the order of the SELECTs in `checks`."""

    kind: str
    wallet: int | None
    transaction: int | None
    event: int | None
    expected: str
    found: str

    def __str__(self) -> str:
        places = ("wallet", self.wallet), ("transaction", self.transaction), ("event", self.event)
        where = ", ".join(f"{name} {id_}" for name, id_ in places if id_ is not None)
        return f"{self.kind}: {f'{where}: ' if where else ''}expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class Report:
    """`differences` names the first `limit` of each kind, `totals` counts all of them."""

    limit: int
    checked: dict[str, int] = field(default_factory=dict)
    house: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    users: dict[str, Decimal] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    differences: dict[str, list[Difference]] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        return not self.totals

    def add(self, difference: Difference, *, total: int = 1) -> None:
        """Name the difference while there is room, and count `total` of its kind: 0 when they are counted already."""
        self.totals[difference.kind] = self.totals.get(difference.kind, 0) + total
        named = self.differences.setdefault(difference.kind, [])
        if len(named) < self.limit:
            named.append(difference)
