"""What staff type into a search box: an id, an email, a reference or a provider's transaction id."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from payments.models import Transaction, Wallet, WebhookEvent
from payments.queries import history
from payments.queries.filters import id_or_none, with_external_id
from payments.queries.history import Span

#: Of more, the newest are found.
NEWEST = 1000
_PEOPLE = 100


def wallets(term: str) -> Q:
    """By its id, or by the owner's id or a part of the owner's email."""
    number = id_or_none(term)
    return Q(pk=number) | Q(owner_id=number) if number else Q(owner_id__in=_people(term))


def events(term: str) -> Q:
    """By the provider's transaction id, or by an id of the event, user or wallet, or a part of the user's email."""
    found = with_external_id(term)
    if number := id_or_none(term):
        found |= Q(pk=number) | Q(user_id=number) | Q(account_id=number)
    return found | Q(user_id__in=_people(term)) if "@" in term else found


def naming(term: str, *, ids: Sequence[str], people: Sequence[str]) -> Q:
    """Rows in which one of the columns `ids` is this id; else in which one of `people` has this part of an email."""
    number = id_or_none(term)
    named: list[Any] = (
        [(name, number) for name in ids] if number else [(f"{name}__in", _people(term)) for name in people]
    )
    return Q.create(named, connector=Q.OR)


def transaction_ids(term: str) -> list[int]:
    """By an id of the transaction or of a wallet, a provider's transaction id, a part of an email, or the reference.

    All but the reference are looked up by index; that comes last, and reads the table.
    """
    ids = set(_of_event(term.split(" ")[-1])) | set(_of_wallets(term))
    if number := id_or_none(term):
        ids |= set(Transaction.objects.filter(pk=number).values_list("pk", flat=True))
    return sorted(ids or Transaction.objects.filter(reference=term).values_list("pk", flat=True)[:NEWEST])


def _of_event(external_id: str) -> list[int]:
    events = WebhookEvent.objects.filter(with_external_id(external_id), transaction__isnull=False)
    return list(events.values_list("transaction_id", flat=True))


def _of_wallets(term: str) -> list[int]:
    number = id_or_none(term)
    if not number and "@" not in term:
        return []
    named = Q(pk=number) if number else Q(owner_id__in=_people(term))
    ids = Wallet.objects.filter(named, house__isnull=True).values_list("pk", flat=True)
    return history.transaction_ids(list(ids), Span(limit=NEWEST))


def _people(term: str) -> list[int]:
    users = get_user_model().objects.filter(email__icontains=term).order_by("-pk")
    return list(users.values_list("pk", flat=True)[:_PEOPLE])
