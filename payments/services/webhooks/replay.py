"""Staff's second try at an event that could not be credited when it came."""

from payments.models import WebhookEvent
from payments.services.webhooks.crediting import Credited, Notice, ProviderChanged, credit
from payments.services.webhooks.reception import result
from payments.services.webhooks.registry import registry


class EventNotReplayable(Exception):
    """Only an unmatched event of an active provider can be replayed."""


def replay(event: WebhookEvent) -> Credited:
    """Credit an unmatched event as if the provider had sent it again. Safe to repeat: it is credited once.

    An event that is credited already returns its first result. Raises EventNotReplayable, or the WebhookRefused that
    still stands in its way.
    """
    registry.forget()
    provider = registry.get(event.provider.slug)
    if provider is None or event.verdict == WebhookEvent.Verdict.CONFLICT:
        raise EventNotReplayable(str(EventNotReplayable.__doc__))
    notice = Notice(provider, event.external_id, event.user_id, event.account_id, event.amount)
    outcome = credit([notice])[0]
    if isinstance(outcome, ProviderChanged):
        raise EventNotReplayable("The provider was changed at this very moment; try again.")
    return result(outcome)
