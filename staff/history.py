"""What staff do by hand, in the object's history: who, when, why, and the outcome."""

import logging
from collections.abc import Iterable
from decimal import Decimal

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from accounts.models import User

logger = logging.getLogger("till.staff")


def describe_changes(before: Model, after: Model, fields: Iterable[str]) -> str:
    """Say what each of the fields was and is; empty when they are equal. Never of a secret."""
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in fields]
    return "; ".join(f"{name}: {_value_text(was)} -> {_value_text(now)}" for name, was, now in pairs if was != now)


def _value_text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "none" if value in (None, "") else str(value)


def record(*, about: Model, staff: User, text: str) -> None:
    """Write what staff did into the history of the object, which /admin shows."""
    logger.info("%s", text, extra={"object": f"{about._meta.label_lower} {about.pk}", "staff_id": staff.pk})
    _add_log_entry(staff, type(about), text, object_id=str(about.pk), object_repr=str(about)[:200])


def record_list(*, of: type[Model], staff: User, text: str) -> None:
    """Write what staff did with many objects of a kind, such as an export, into the staff log."""
    logger.info("%s", text, extra={"object": of._meta.label_lower, "staff_id": staff.pk})
    _add_log_entry(staff, of, text, object_id=None, object_repr=str(of._meta.verbose_name_plural)[:200])


def _add_log_entry(staff: User, kind: type[Model], text: str, *, object_id: str | None, object_repr: str) -> None:
    LogEntry.objects.create(
        user_id=staff.pk,
        content_type=ContentType.objects.get_for_model(kind),
        object_id=object_id,
        object_repr=object_repr,
        action_flag=CHANGE,
        change_message=text,
    )
