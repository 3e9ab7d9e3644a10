"""What staff type into a search box: an id, an email, a reference or a provider's transaction id."""

from collections.abc import Iterable

from django.db.models import Q

from api.filters import id_or_none
from payments.ledger.models import Transaction, Wallet
from payments.ledger.queries import history
from payments.ledger.queries.history import Span
from staff.search import ids_by_email

#: Of more, the newest are found.
NEWEST = 1000


def wallets(term: str) -> Q:
    """By its id, or by the owner's id or a part of the owner's email."""
    number = id_or_none(term)
    return Q(pk=number) | Q(owner_id=number) if number else Q(owner_id__in=ids_by_email(term))


def transaction_ids(term: str, *, credited: Iterable[int]) -> list[int]:
    """Add to `credited` the transactions of this id, wallet id or reference, or of owners with such an email.

    The index finds all but the reference. That is searched last, and reads the table.
    """
    ids = {*credited, *_of_wallets(term)}
    if number := id_or_none(term):
        ids |= set(Transaction.objects.filter(pk=number).values_list("pk", flat=True))
    return sorted(ids or Transaction.objects.filter(reference=term).values_list("pk", flat=True)[:NEWEST])


def _of_wallets(term: str) -> list[int]:
    number = id_or_none(term)
    if not number and "@" not in term:
        return []
    matching = Q(pk=number) if number else Q(owner_id__in=ids_by_email(term))
    ids = Wallet.objects.filter(matching, house__isnull=True).values_list("pk", flat=True)
    return history.transaction_ids(list(ids), Span(limit=NEWEST))
