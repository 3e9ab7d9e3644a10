"""The staff site's front page: what was booked lately, what waits for somebody, whether the books balance.

Each part is shown to whoever may look at what it tells about.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import update_wrapper
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.login_refusals import login_refused, seconds_to_wait_for_login
from config.problems import response_for
from payments.exchange import services as exchange
from payments.ledger.queries import daily_counts
from payments.models import (
    Deposit,
    EventEndpoint,
    ExchangeRate,
    LedgerCheck,
    Order,
    OrderStatus,
    Transaction,
    WebhookEvent,
    Withdrawal,
)
from staff.formats import NOTHING

DAYS = 14
MAX_COUNTED = 1000
#: Django makes a condition of each word of a search, and PostgreSQL needs half a minute to plan a thousand of them.
MAX_SEARCH_LENGTH = 200
SEARCH_PARAMETERS = ("q", "term")  # of lists, of a field that completes
CHECK_GROWS_OLD = timedelta(days=1)

# The plot's measures, in the units of its viewBox.
WIDTH, HEIGHT, GAP = 280, 90, 4


class StaffSite(admin.AdminSite):
    site_header = site_title = "Till"
    index_title = "Staff"
    empty_value_display = NOTHING

    def refusal(self, error: Exception) -> str | None:
        """Return an error's text for a form. None: it is a bug, or has a page of its own."""
        if isinstance(error, (Http404, PermissionDenied, SuspiciousOperation, BadRequest)):
            return None
        answer = response_for(error)
        return str(answer.data["detail"]) if answer and answer.status_code < 500 else None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, front_page(request) | (extra_context or {}))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign staff in, at the rate and under the lock that logins over the API have."""
        if request.method == "POST" and (seconds := seconds_to_wait_for_login(request)):
            return login_refused(math.ceil(seconds))
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out the redirect to an object's public page: none has one, and its pattern is slow on long paths."""
        return [entry for entry in super().get_urls() if getattr(entry, "name", "") != "view_on_site"]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            shorten_search(request)
            try:
                return view(request, *args, **kwargs)
            except (DataError, ValueError, OverflowError):  # no value that a column of that kind could have
                if request.method != "GET" or "e" in request.GET:
                    raise
                return HttpResponseRedirect(f"{request.path}?e=1")  # as for what Django itself cannot read

        return super().admin_view(update_wrapper(bounded, view), cacheable)


def shorten_search(request: HttpRequest) -> None:
    """Look for the first MAX_SEARCH_LENGTH characters of what was typed, and say so."""
    long = [name for name in SEARCH_PARAMETERS if len(request.GET.get(name, "")) > MAX_SEARCH_LENGTH]
    if not long:
        return
    parameters = request.GET.copy()
    for name in long:
        parameters[name] = str(parameters[name])[:MAX_SEARCH_LENGTH]
    request.GET = parameters  # type: ignore[assignment]  # a copy that nobody changes any more
    messages.warning(request, f"Only the first {MAX_SEARCH_LENGTH} characters were looked for.")


def front_page(request: HttpRequest) -> dict[str, Any]:
    may = request.user.has_perm
    return {
        "plots": plots() if may("payments.view_transaction") else [],
        "plots_age": daily_counts.SECONDS_OLD,
        "books": ledger_state() if may("payments.view_ledgercheck") else None,
        "shows_attention": any(may(permission) for permission, _ in QUEUES),
        "attention": [waiting for permission, find in QUEUES if may(permission) for waiting in find() if waiting.count],
    }


# --- what waits for somebody ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A list in which something has to be decided."""

    title: str
    count: int
    url: str
    advice: str = ""

    @property
    def number(self) -> str:
        return f"{self.count:,}" if self.count < MAX_COUNTED else f"{MAX_COUNTED:,} or more"


def events() -> list[Waiting]:
    """Notices that were not credited, the newest thousand, found by their own index."""
    statuses = WebhookEvent.objects.exclude(verdict="credited").order_by("-pk").values_list("verdict", flat=True)
    counts = Counter(statuses[:MAX_COUNTED])
    page = reverse("admin:payments_webhookevent_changelist")
    advice = {
        "unmatched": "Paid, but not credited: each says why. Replay them when that is mended.",
        "conflict": "One transaction id, two contents. The first was credited; ask the provider which is right.",
    }
    return [
        Waiting(f"Webhook events: {status}", counts[status], f"{page}?verdict__exact={status}", text)
        for status, text in advice.items()
    ]


def deposits() -> list[Waiting]:
    return pending(Deposit, "Approve each when its money has arrived.")


def withdrawals() -> list[Waiting]:
    return pending(Withdrawal, "Approve each when it was paid out; until then its money is held.")


def pending(kind: type[Order], advice: str) -> list[Waiting]:
    """The oldest thousand, found by their own index."""
    waiting = kind._default_manager.filter(status=OrderStatus.PENDING).order_by("pk")
    since = list(waiting.values_list("created_at", flat=True)[:MAX_COUNTED])
    meta = kind._meta
    return [
        Waiting(
            f"{str(meta.verbose_name_plural).capitalize()}: pending",
            len(since),
            f"{reverse(f'admin:payments_{meta.model_name}_changelist')}?status=pending",
            f"The oldest has waited for {timesince(since[0], depth=1)}. {advice}" if since else "",
        )
    ]


def rates() -> list[Waiting]:
    stale = ExchangeRate.objects.filter(as_of__lt=exchange.oldest_in_use()).order_by()
    page = reverse("admin:payments_exchangerate_changelist")
    advice = "Nothing is exchanged at them. Run manage.py load_rates, or set them."
    return [Waiting("Exchange rates: stale", stale[:MAX_COUNTED].count(), f"{page}?age=stale", advice)]


def endpoints() -> list[Waiting]:
    off = EventEndpoint.objects.exclude(disabled_reason__in=["", EventEndpoint.DisabledReason.STAFF])
    page = reverse("admin:payments_eventendpoint_changelist")
    advice = "No event reaches them, and none is lost. Ask whoever runs them, then switch them on."
    return [Waiting("Endpoints: switched off by Till", off.count(), f"{page}?is_active__exact=0", advice)]


#: Who may see it, and what waits.
QUEUES: list[tuple[str, Callable[[], list[Waiting]]]] = [
    ("payments.view_deposit", deposits),
    ("payments.view_withdrawal", withdrawals),
    ("payments.view_webhookevent", events),
    ("payments.view_exchangerate", rates),
    ("payments.view_eventendpoint", endpoints),
]


# --- whether the books balance ---------------------------------------------------------------------------------


class LedgerState(NamedTuple):
    level: str  # success, warning or error, as Django's messages are styled
    headline: str
    checked: LedgerCheck | None


def ledger_state() -> LedgerState:
    check = LedgerCheck.objects.first()
    if check is None:
        return LedgerState("warning", "The books were never checked.", None)
    if check.differences:
        return LedgerState("error", f"The books do not balance: {check.differences:,} differences.", check)
    if timezone.now() - check.checked_at > CHECK_GROWS_OLD:
        return LedgerState("warning", "The books balanced, but that was checked more than a day ago.", check)
    return LedgerState("success", "The books balance.", check)


# --- what was booked ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """One kind's bars, on a scale of its own: there are a thousand credits for each refund."""

    kind: str
    title: str
    bars: list[Bar]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max(bar.count for bar in self.bars)

    @property
    def today(self) -> int:
        return self.bars[-1].count


_TITLES = {
    Transaction.Kind.DEPOSIT: "Credits",
    Transaction.Kind.PURCHASE: "Purchases",
    Transaction.Kind.REFUND: "Refunds",
}


def plots() -> list[Plot]:
    booked = daily_counts.booked(days=DAYS)
    return [
        Plot(str(kind), _TITLES[kind], bars([(day.date, day.counts[kind]) for day in booked]))
        for kind in daily_counts.KINDS
    ]


def bars(counts: list[tuple[date, int]]) -> list[Bar]:
    """Place a bar for each day; what is not zero is at least two units high."""
    most = max((count for _, count in counts), default=0) or 1
    step = WIDTH / len(counts)
    placed = []
    for number, (day, count) in enumerate(counts):
        height = max(round(HEIGHT * count / most, 1), 2.0) if count else 0.0
        placed.append(Bar(day, count, round(number * step + GAP / 2, 1), HEIGHT - height, round(step - GAP, 1), height))
    return placed
