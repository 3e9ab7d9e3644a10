"""Users who exist only where TILL_DEBUG is on: the demo users, and any number for load tests."""

from collections.abc import Iterator

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import user_changes
from accounts.demo_users import DEMO_PASSWORD, DEMO_USERS, DemoUser
from accounts.models import Role, User
from accounts.services.administration import insert_active_user

_LOAD_PREFIX = "load_user_"
BATCH_SIZE = 1000


def add_demo_users() -> list[User]:
    """Add those of the demo users who are missing. Safe to repeat: what exists stays as it is."""
    return [_add_demo_user(demo) for demo in DEMO_USERS]


def add_load_users(*, count: int) -> Iterator[int]:
    """Add `count` active users, numbered on from those that exist; yield the size of each committed batch.

    They share one password hash (DEMO_PASSWORD): hashing each would take 35 ms.
    """
    first = _next_number()
    shared_hash = make_password(DEMO_PASSWORD)
    for start in range(first, first + count, BATCH_SIZE):
        numbers = range(start, min(start + BATCH_SIZE, first + count))
        _add_batch(numbers, shared_hash)
        yield len(numbers)


def _add_demo_user(demo: DemoUser) -> User:
    with transaction.atomic():
        return User.objects.with_email(demo.email).first() or insert_active_user(
            user=User(email=demo.email, full_name=demo.full_name, password=make_password(DEMO_PASSWORD)),
            role=Role(demo.role),
        )


def _add_batch(numbers: range, shared_hash: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        users = User.objects.bulk_create(
            User(
                email=f"{_LOAD_PREFIX}{number}@example.com",
                full_name=f"Load User {number}",
                password=shared_hash,
                is_active=True,
                activated_at=now,
            )
            for number in numbers
        )
        user_changes.run(user_changes.after_insert, users)


def _next_number() -> int:
    last = User.objects.filter(email__startswith=_LOAD_PREFIX).order_by("-id").first()
    return int(last.email.removeprefix(_LOAD_PREFIX).partition("@")[0]) + 1 if last else 1
