"""What waits for somebody."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from payments.exchange import services as exchange
from payments.models import Deposit, EventEndpoint, ExchangeRate, Order, OrderStatus, WebhookEvent, Withdrawal

MAX_COUNTED = 1000


@dataclass(frozen=True)
class Waiting:
    """A list in which something has to be decided."""

    title: str
    count: int
    url: str
    advice: str = ""

    @property
    def number(self) -> str:
        if self.count < MAX_COUNTED:
            return f"{self.count:,}"
        return _("%(count)s or more") % {"count": f"{MAX_COUNTED:,}"}


def events() -> list[Waiting]:
    """Notices that were not credited, the newest thousand, found by their own index."""
    statuses = WebhookEvent.objects.exclude(verdict="credited").order_by("-pk").values_list("verdict", flat=True)
    counts = Counter(statuses[:MAX_COUNTED])
    page = reverse("admin:payments_webhookevent_changelist")
    texts = {
        "unmatched": (
            _("Webhook events: unmatched"),
            _("Paid, but not credited: each says why. Replay them when that is mended."),
        ),
        "conflict": (
            _("Webhook events: conflict"),
            _("One transaction id, two contents. The first was credited; ask the provider which is right."),
        ),
    }
    return [
        Waiting(title, counts[status], f"{page}?verdict__exact={status}", advice)
        for status, (title, advice) in texts.items()
    ]


def deposits() -> list[Waiting]:
    return pending(Deposit, _("Deposits: pending"), _("Approve each when its money has arrived."))


def withdrawals() -> list[Waiting]:
    advice = _("Approve each when it was paid out; until then its money is held.")
    return pending(Withdrawal, _("Withdrawals: pending"), advice)


def pending(kind: type[Order], title: str, advice: str) -> list[Waiting]:
    """The oldest thousand, found by their own index."""
    waiting = kind._default_manager.filter(status=OrderStatus.PENDING).order_by("pk")
    since = list(waiting.values_list("created_at", flat=True)[:MAX_COUNTED])
    page = reverse(f"admin:payments_{kind._meta.model_name}_changelist")
    return [Waiting(title, len(since), f"{page}?status=pending", f"{oldest(since[0])} {advice}" if since else "")]


def oldest(since: datetime) -> str:
    return _("The oldest has waited for %(time)s.") % {"time": timesince(since, depth=1)}


def rates() -> list[Waiting]:
    stale = ExchangeRate.objects.filter(as_of__lt=exchange.oldest_in_use()).order_by()
    page = reverse("admin:payments_exchangerate_changelist")
    advice = _("Nothing is exchanged at them. Run manage.py load_rates, or set them.")
    return [Waiting(_("Exchange rates: stale"), stale[:MAX_COUNTED].count(), f"{page}?age=stale", advice)]


def endpoints() -> list[Waiting]:
    off = EventEndpoint.objects.exclude(disabled_reason__in=["", EventEndpoint.DisabledReason.STAFF])
    page = reverse("admin:payments_eventendpoint_changelist")
    advice = _("No event reaches them, and none is lost. Ask whoever runs them, then switch them on.")
    return [Waiting(_("Endpoints: switched off by Till"), off.count(), f"{page}?is_active__exact=0", advice)]


#: Who may see it, and what waits.
QUEUES: list[tuple[str, Callable[[], list[Waiting]]]] = [
    ("payments.view_deposit", deposits),
    ("payments.view_withdrawal", withdrawals),
    ("payments.view_webhookevent", events),
    ("payments.view_exchangerate", rates),
    ("payments.view_eventendpoint", endpoints),
]
