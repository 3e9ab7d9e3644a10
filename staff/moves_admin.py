"""Admin pages of what moved money."""

from typing import Any, ClassVar

from django.contrib import admin

from staff import search
from staff.read_only import ReadOnlyAdmin, link


class MovesAdmin(ReadOnlyAdmin):
    """Found by an id or by an email of somebody concerned."""

    #: The columns that a typed id, or a part of an email, is looked for in.
    ids: ClassVar[tuple[str, ...]]
    people: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("id",)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.naming(term, ids=self.ids, people=self.people)) if term else queryset), False

    @admin.display(description="user", ordering="user_id")
    def of_user(self, row: Any) -> str:
        return link(row.user)

    @admin.display(description="commission rule")
    def by_rule(self, row: Any) -> str:
        return link(row.rule)

    @admin.display(description="transaction")
    def booked_as(self, row: Any) -> str:
        return link(row.transaction)

    @admin.display(description="source", ordering="source_id")
    def from_wallet(self, row: Any) -> str:
        return link(row.source)

    @admin.display(description="destination", ordering="destination_id")
    def to_wallet(self, row: Any) -> str:
        return link(row.destination)
