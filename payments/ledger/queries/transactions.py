"""Who may see which transactions, and what of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, QuerySet, When

from accounts.models import Role, User
from api import time_ranges
from payments.ledger.models import Posting, Transaction, Wallet
from payments.ledger.queries import history, wallets
from payments.ledger.queries.history import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCriteria:
    """What narrows a list of transactions; None does not."""

    user: int | None = None
    wallet: int | None = None
    currency: str | None = None
    kind: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def visible_to(user: User) -> QuerySet[Transaction]:
    """Return the transactions that the user may see; `seen_postings` has what they may see of each."""
    if user.sees_all:
        return _with_postings(user)
    if user.role != Role.USER:
        return Transaction.objects.none()
    return _with_postings(user).filter(Exists(Posting.objects.filter(_touches(user), transaction=OuterRef("pk"))))


def page(user: User, criteria: TransactionCriteria, span: Span) -> QuerySet[Transaction]:
    """Return at least the transactions of the page that `span` describes. The caller orders and limits them.

    The numbered lines of users' wallets find their history. Staff's list of everything, or of a house wallet, goes by
    the ids of the transactions alone.
    """
    if user.sees_all and criteria.user is None and (criteria.wallet is None or _is_house(criteria.wallet)):
        return _of_everybody(visible_to(user), criteria)
    wallet_ids = list(_wallets(user, criteria).order_by("pk").values_list("pk", flat=True))
    span = replace(span, kind=criteria.kind, start=criteria.start, end=criteria.end)
    return _with_postings(user).filter(pk__in=history.transaction_ids(wallet_ids, span))


def _is_house(wallet_id: int) -> bool:
    """Tell whether it is a house wallet: those have no numbered lines."""
    return Wallet.objects.filter(pk=wallet_id, house__isnull=False).exists()


def _wallets(user: User, criteria: TransactionCriteria) -> QuerySet[Wallet]:
    chosen = {"owner": criteria.user, "pk": criteria.wallet, "currency": criteria.currency}
    return wallets.visible_to(user).filter(**{name: value for name, value in chosen.items() if value is not None})


def _of_everybody(transactions: QuerySet[Transaction], criteria: TransactionCriteria) -> QuerySet[Transaction]:
    if criteria.kind:
        transactions = transactions.filter(kind=criteria.kind)
    postings = Posting.objects.filter(transaction=OuterRef("pk"))
    if criteria.wallet:
        transactions = transactions.filter(
            Exists(postings.filter(Q(source=criteria.wallet) | Q(destination=criteria.wallet)))
        )
    if criteria.currency:
        transactions = transactions.filter(Exists(postings.filter(currency=criteria.currency)))
    return time_ranges.between(transactions, time="created_at", start=criteria.start, end=criteria.end)


def _touches(user: User) -> Q:
    return Q(source__owner=user) | Q(destination__owner=user)


def _with_postings(user: User) -> QuerySet[Transaction]:
    transactions = Transaction.objects.select_related("reversal", "reverses")
    # In an attribute of their own: for the relation itself Django builds a query set for each transaction of the page.
    return transactions.prefetch_related(Prefetch("postings", _postings_for(user), to_attr="seen_postings"))


def _postings_for(user: User) -> QuerySet[Posting]:
    """The postings on the user's wallets; `seen_*_balance` is None where the wallet is somebody else's."""
    postings = Posting.objects.select_related("currency").order_by("pk")
    if user.sees_all:
        return postings.annotate(
            seen_source_balance=F("source_balance"), seen_destination_balance=F("destination_balance")
        )
    return postings.filter(_touches(user)).annotate(
        seen_source_balance=Case(When(source__owner=user, then="source_balance")),
        seen_destination_balance=Case(When(destination__owner=user, then="destination_balance")),
    )
