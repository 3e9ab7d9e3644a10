"""One notice in a thread that may wait, as Django's view has it: verified, credited, durable."""

from collections.abc import Mapping

from payments.webhooks import metrics
from payments.webhooks.addresses import ANY_FORM
from payments.webhooks.receiving.authentication import authenticate
from payments.webhooks.receiving.counting import count_ignored
from payments.webhooks.receiving.outcomes import Credited, Ignored, Outcome, ProviderChanged, result
from payments.webhooks.receiving.provider_cache import provider_cache
from payments.webhooks.receiving.retries import credit


def receive(*, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM) -> Credited | Ignored:
    """Verify one notice and credit it, durable when this returns. Safe to repeat: a repeat returns the first result.

    `headers` have lower-case names. Raises what `authenticate` raises, a WebhookRefused, or the database's own error.
    Raises booking.SerializationConflict when the notice kept meeting others; a repeat succeeds.
    """
    with metrics.seconds.time():
        outcome: Outcome | Exception = ProviderChanged()
        for _ in range(2):
            notice = authenticate(slug=slug, headers=headers, body=body, form=form)
            if isinstance(notice, Ignored):
                return count_ignored(notice)
            outcome = credit([notice])[0]
            if not isinstance(outcome, ProviderChanged):
                break
            provider_cache.invalidate()
    return result(outcome)
