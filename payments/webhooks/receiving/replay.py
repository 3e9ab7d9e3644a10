"""Staff's second try at an event that could not be credited when it came."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from payments.webhooks.models import WebhookEvent
from payments.webhooks.receiving.outcomes import Credited, Notice, ProviderChanged, WebhookRefused, result
from payments.webhooks.receiving.provider_cache import provider_cache
from payments.webhooks.receiving.retries import credit
from staff.history import record
from staff.separation_of_duties import refuse_own


class EventNotReplayable(Exception):
    """Only an unmatched event of an active provider can be replayed."""


def replay(event: WebhookEvent) -> Credited:
    """Credit an unmatched event as if the provider had sent it again. Safe to repeat: it is credited once.

    An event that is credited already returns its first result. Raises EventNotReplayable, or the WebhookRefused that
    still stands in its way.
    """
    provider_cache.invalidate()
    provider = provider_cache.get(event.provider.slug)
    if provider is None or event.verdict == WebhookEvent.Status.CONFLICT:
        raise EventNotReplayable(str(EventNotReplayable.__doc__))
    currency = event.currency_id or ""
    if currency and currency not in provider.currencies:
        raise EventNotReplayable(_("The provider does not pay in this currency any more."))
    notice = Notice(provider, event.external_id, event.user_id, event.account_id, event.amount, currency)
    outcome = credit([notice])[0]
    if isinstance(outcome, ProviderChanged):
        raise EventNotReplayable(_("The provider was changed at this very moment; try again."))
    return result(outcome)


def replay_event(*, event: WebhookEvent, staff: User, reason: str = "") -> Credited:
    """Replay an unmatched event as `replay` does, and note the outcome in the event's history.

    Money and note commit together, and so does a refusal with its note. Safe to repeat: it is credited once. Raises
    OwnOrder, EventNotReplayable, or the WebhookRefused that still stands in the way.
    """
    refuse_own(staff, event.user_id)
    why = f" Reason: {reason}" if reason else ""
    with transaction.atomic():
        try:
            credited = replay(event)
        except (EventNotReplayable, WebhookRefused) as error:
            record(about=event, staff=staff, text=f"Replay refused: {error}{why}")
            refusal = error
        else:
            text = "Replayed: was credited already." if credited.duplicate else "Replayed: credited."
            record(about=event, staff=staff, text=text + why)
            return credited
    raise refusal
