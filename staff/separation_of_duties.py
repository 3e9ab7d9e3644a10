"""Separation of duties: nobody decides about money that is their own."""

from accounts.models import User


class OwnOrder(Exception):
    """This is your own money: another member of staff has to decide about it."""


def refuse_own(by: User, *owners: int | None) -> None:
    """Raise OwnOrder when `by` is one of the owners (ids of users), whatever the role and scopes."""
    if by.pk in owners:
        raise OwnOrder
