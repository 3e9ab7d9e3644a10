"""Separation of duties: whoever decides about money is somebody else than who has or gets it."""

from accounts.models import User


class OwnOrder(Exception):
    """This is your own money: another member of staff has to decide about it."""


def refuse_own(by: User, *owners: int | None) -> None:
    """Raise OwnOrder when one of the owners (ids of users) is who decides, whatever his role and scopes."""
    if by.pk in owners:
        raise OwnOrder
