"""What was booked in somebody's own wallets, posting by posting, for the answers that list transactions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from accounts.models import Role, User
from payments.ledger.models import Posting, Transaction, Wallet
from payments.ledger.queries import transactions
from payments.ledger.queries.history import Span

#: The old answers have no pages. `GET /api/v1/transactions` has everything.
MAX_TRANSACTIONS = 200


class OwnPosting(NamedTuple):
    """A posting of a user's own wallet. Between two of their own, there is one for each."""

    transaction: Transaction
    posting: Posting
    wallet_id: int
    comes_in: bool


def own_transactions(user: User, *, kind: str | None = None, wallet_id: int | None = None) -> list[Any]:
    """Return the newest transactions of the user's own wallets, each with `seen_postings`; services have none."""
    if user.role == Role.SERVICE:
        return []
    criteria = transactions.TransactionCriteria(user=user.pk, kind=kind, wallet=wallet_id)
    newest = transactions.page(user, criteria, Span(limit=MAX_TRANSACTIONS)).order_by("-pk")
    return list(newest[:MAX_TRANSACTIONS])


def own_postings(user: User, *, kind: str | None = None, wallet_id: int | None = None) -> Iterator[OwnPosting]:
    """Yield the postings of those transactions, the newest first. One small query for the ids of the wallets."""
    mine = set(Wallet.objects.filter(owner=user).values_list("pk", flat=True)) if wallet_id is None else {wallet_id}
    for booked in own_transactions(user, kind=kind, wallet_id=wallet_id):
        for posting in booked.seen_postings:
            if posting.source_id in mine:
                yield OwnPosting(booked, posting, posting.source_id, comes_in=False)
            if posting.destination_id in mine:
                yield OwnPosting(booked, posting, posting.destination_id, comes_in=True)
