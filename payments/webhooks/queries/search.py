"""What staff type into the search box of webhook events."""

from django.db.models import Q

from api.filters import id_or_none
from payments.webhooks.models import WebhookEvent
from payments.webhooks.queries.filters import with_external_id
from staff.search import ids_by_email


def events(term: str) -> Q:
    """By the provider's transaction id, or by an id of the event, user or wallet, or a part of the user's email."""
    matching = with_external_id(term)
    if number := id_or_none(term):
        matching |= Q(pk=number) | Q(user_id=number) | Q(account_id=number) | Q(wallet_id=number)
    return matching | Q(user_id__in=ids_by_email(term)) if "@" in term else matching


def credited_transaction_ids(external_id: str) -> list[int]:
    """Return the transactions that credited what a provider calls this."""
    events = WebhookEvent.objects.filter(with_external_id(external_id), transaction__isnull=False)
    return list(events.values_list("transaction_id", flat=True))
