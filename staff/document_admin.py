"""Staff pages of documents: the rows for which a transaction was booked."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from staff import search
from staff.columns import Id, Link, When
from staff.read_only import ReadOnlyAdmin


class DocumentAdmin(ReadOnlyAdmin):
    """Found by an id, by the email of a user who is part of it, or by a reference where there is one."""

    #: Where search looks for an id, and where for the user with an email.
    id_columns: ClassVar[tuple[str, ...]]
    user_columns: ClassVar[tuple[str, ...]] = ("user",)
    text_columns: ClassVar[tuple[str, ...]] = ()
    search_fields = ("id",)
    list_display_links = ("time", "id")

    #: Ids rise with the time, and have an index.
    time = When(_("time (UTC)"), "created_at", order="id")
    of_user = Link(_("user"), "user", order="user_id")
    by_rule = Link(_("commission rule"), "rule")
    booked_as = Link(_("transaction"), "transaction")
    from_wallet = Link(_("source"), "source", order="source_id")
    to_wallet = Link(_("destination"), "destination", order="destination_id")
    short_reference = Id(_("reference"), "reference")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if term:
            condition = search.by_id_or_email(
                term, id_columns=self.id_columns, user_columns=self.user_columns, text_columns=self.text_columns
            )
            queryset = queryset.filter(condition)
        return queryset, False
