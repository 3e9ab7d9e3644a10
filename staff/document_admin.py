"""Staff pages of documents: the rows for which a transaction was booked."""

from typing import Any, ClassVar

from django.contrib import admin

from staff import search
from staff.read_only import ReadOnlyAdmin, link


class DocumentAdmin(ReadOnlyAdmin):
    """Found by an id, by the email of a user who is part of it, or by a reference where there is one."""

    #: Where search looks for an id, and where for the user with an email.
    id_columns: ClassVar[tuple[str, ...]]
    user_columns: ClassVar[tuple[str, ...]] = ("user",)
    text_columns: ClassVar[tuple[str, ...]] = ()
    search_fields = ("id",)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if term:
            condition = search.by_id_or_email(
                term, id_columns=self.id_columns, user_columns=self.user_columns, text_columns=self.text_columns
            )
            queryset = queryset.filter(condition)
        return queryset, False

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
