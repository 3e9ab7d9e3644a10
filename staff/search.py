"""What the search boxes of the staff site find: an id, or a part of an email."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from api.filters import id_or_none

_MAX_USERS = 100


def by_id_or_email(
    term: str, *, id_columns: Sequence[str], user_columns: Sequence[str], text_columns: Sequence[str] = ()
) -> Q:
    """Return the condition for the term: a number is looked for in `id_columns`.

    Any other text is a part of the email of a user in one of `user_columns`. All of `text_columns` may be the term.
    """
    number = id_or_none(term)
    conditions: list[Any] = (
        [(name, number) for name in id_columns]
        if number
        else [(f"{name}__in", ids_by_email(term)) for name in user_columns]
    )
    return Q.create([*conditions, *((name, term) for name in text_columns)], connector=Q.OR)


def ids_by_email(term: str) -> list[int]:
    users = get_user_model().objects.filter(email__icontains=term).order_by("-pk")
    return list(users.values_list("pk", flat=True)[:_MAX_USERS])
