"""Search boxes of the admin: by an id, or by a part of an email."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from api.filters import id_or_none

_MAX_USERS = 100


def naming(term: str, *, ids: Sequence[str], people: Sequence[str]) -> Q:
    """Rows in which one of the columns `ids` is this id; else in which one of `people` has this part of an email."""
    number = id_or_none(term)
    named: list[Any] = (
        [(name, number) for name in ids] if number else [(f"{name}__in", ids_by_email(term)) for name in people]
    )
    return Q.create(named, connector=Q.OR)


def ids_by_email(term: str) -> list[int]:
    users = get_user_model().objects.filter(email__icontains=term).order_by("-pk")
    return list(users.values_list("pk", flat=True)[:_MAX_USERS])
