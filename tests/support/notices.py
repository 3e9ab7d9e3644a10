"""Providers' notices, credited through the same door as in production."""

from decimal import Decimal
from itertools import count
from typing import Any

from payments.models import WebhookEvent
from payments.webhooks import receiving
from payments.webhooks.receiving.provider_cache import provider_cache

_numbers = count(1)
ALICES, BOBS = 101, 202  # wallets under ids that a provider chose
NOBODY = 2**62


def notice(
    *, user_id: int, account: int, amount: str = "10", external_id: str = "", provider: str = "sha1_colon"
) -> receiving.Notice:
    provider_cache.invalidate()
    known = provider_cache.get(provider)
    assert known is not None
    return receiving.Notice(known, external_id or str(next(_numbers)), user_id, account, Decimal(amount))


def credit(owner: Any, account: int, amount: str = "10", **fields: str) -> receiving.Credited:
    """Credit a wallet by a provider's notice; the wallet is opened when it is new."""
    outcome = receiving.credit([notice(user_id=owner.pk, account=account, amount=amount, **fields)])[0]
    assert isinstance(outcome, receiving.Credited), outcome
    return outcome


def many_credits(owner: Any, account: int, number: int) -> None:
    """Credit a wallet many times in one batch."""
    one = notice(user_id=owner.pk, account=account)
    receiving.credit([one._replace(external_id=str(next(_numbers))) for _ in range(number)])


def refused_notice(*, user_id: int, account: int, **fields: str) -> WebhookEvent:
    """Let a notice be refused; return the event that is kept for staff."""
    outcome = receiving.credit([notice(user_id=user_id, account=account, **fields)])[0]
    assert isinstance(outcome, receiving.WebhookRefused), outcome
    return WebhookEvent.objects.order_by("-pk")[0]
