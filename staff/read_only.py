"""What the pages share: read-only by permission, money as text, links, and lists that never count a whole table."""

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from staff.csv_export import CsvExportMixin
from staff.formats import NOTHING
from staff.lists import StaffList
from staff.stale_forms import GuardedAdmin

if TYPE_CHECKING:  # Django's own classes take no type argument at run time.
    from django_stubs_ext import StrOrPromise

    TabularInline = admin.TabularInline[Any, Any]
    PaginatorBase = Paginator[Any]
else:
    TabularInline = admin.TabularInline
    PaginatorBase = Paginator

MAX_LISTED = 10_000

logger = logging.getLogger("till.staff")


class BoundedPaginator(PaginatorBase):
    """Counts and pages through the first 10,000 rows: what lies deeper is found by search and filters."""

    object_list: Any

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[:MAX_LISTED].count())


class ReadOnlyMixin:
    """Nobody adds, changes or deletes here, whatever their rights: services write the ledger and webhook events."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class StaffAdmin(GuardedAdmin, CsvExportMixin):
    """What every list of ours is like."""

    #: Shown where there is no row at all: what would be here, and how it comes to be.
    empty_state: "ClassVar[StrOrPromise]" = ""

    class Media:
        css = {"all": ["payments/admin.css", "config/cells.css"]}

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _log_entry(super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _log_entry(super().log_change(request, obj, message))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffList]:  # noqa: ARG002
        return StaffList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Refuse what Django would only ignore: an action that this member of staff does not have."""
        if request.method == "POST" and not self._may_post(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def _may_post(self, request: HttpRequest) -> bool:
        if "_save" in request.POST:
            return self.has_change_permission(request)
        actions = self.get_actions(request)
        return request.POST.get("action", "") in actions if request.POST.get("action") else bool(actions)


def _log_entry(entry: LogEntry) -> LogEntry:
    """Say in the log what Django only wrote into the history."""
    about = f"{entry.content_type.app_label}.{entry.content_type.model} {entry.object_id}" if entry.content_type else ""
    logger.info("%s", entry.get_change_message(), extra={"object": about, "staff_id": entry.user_id})
    return entry


class ReadOnlyAdmin(ReadOnlyMixin, StaffAdmin):
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    list_per_page = 50
    ordering = ("-id",)


class ReadOnlyInline(ReadOnlyMixin, TabularInline):
    extra = 0
    can_delete = False


def search_help(what: "StrOrPromise") -> "StrOrPromise":
    """Say what the search of a long list looks for."""
    newest = format_lazy(_("of more than {count}, the newest are listed"), count=f"{MAX_LISTED:,}")
    return format_lazy("{what} ({newest})", what=what, newest=newest)


def link(target: Model | None, text: str = "") -> str:
    """Return a link to the object's page, or the dash for none."""
    if target is None:
        return NOTHING
    meta = target._meta
    return link_to(f"{meta.app_label}_{meta.model_name}", target.pk, text or str(target))


def link_to(page: str, pk: Any, text: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[pk]), text)
