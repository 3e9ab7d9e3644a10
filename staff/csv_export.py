"""Any list as CSV, filtered and searched, streamed whatever its length."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import unquote_plus

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from api.csv_response import csv_response
from api.decimals import format_amount
from staff.history import record_list

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

ROWS_AT_ONCE = 2000


class CsvExportMixin(ModelAdmin):
    """Adds `export/` below the list, for whoever may look at it. Only the columns in `export_fields` are exported."""

    #: Paths as `values_list` takes them; the header has the same names. Never a secret, a hash or a token.
    export_fields: ClassVar[tuple[str, ...]]
    #: The path to the decimal places in which a row's amounts are written.
    export_places: ClassVar[str] = ""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", view, name=f"{self._slug}_export"), *super().get_urls()]

    @property
    def export_url(self) -> str:
        return reverse(f"admin:{self._slug}_export", current_app=self.admin_site.name)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the list that the same query shows; one snapshot. In the staff log even if it is refused."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"{reverse(f'admin:{self._slug}_changelist')}?e=1")
        query = unquote_plus(request.META.get("QUERY_STRING", ""))[:500]
        # Before the transaction of the export, which ends without a commit when the client hangs up half way.
        record_list(
            of=self.model,
            staff=cast("User", request.user),
            text=f"Exported the list as CSV{f', narrowed by {query}' if query else ''}.",
        )
        header = [field.replace("__", "_") for field in self.export_fields]
        return csv_response(
            lambda: chain([header], self.export_rows(rows)),
            name=f"{self.opts.model_name}-{timezone.now():%Y-%m-%d}.csv",
            user_id=cast("int", request.user.pk),
        )

    def export_rows(self, rows: QuerySet[Any]) -> Iterator[Sequence[object]]:
        for values, places in self.export_values(rows):
            yield [cell_text(value, places) for value in values]

    def export_values(self, rows: QuerySet[Any]) -> Iterator[tuple[Sequence[Any], int]]:
        """Yield each row's values with its decimal places.

        Reads through a cursor on the server, in the transaction of `csv_response`: what is held here is one batch, what
        PostgreSQL shows one moment.
        """
        paths = [*self.export_fields, *filter(None, [self.export_places])]
        values = rows.select_related(None).prefetch_related(None).values_list(*paths)
        for row in values.iterator(chunk_size=ROWS_AT_ONCE):
            yield row[: len(self.export_fields)], (row[-1] or 0) if self.export_places else 0

    @property
    def _slug(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"


def cell_text(value: object, places: int) -> object:
    """Return an amount exactly, with at least `places` decimals, a time as RFC 3339 writes it, an object as JSON."""
    if isinstance(value, Decimal):
        return format_amount(value, places)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value.isoformat() if isinstance(value, datetime) else value
