"""What new users begin with, and users with a new role. See `accounts.signals`."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import role_changed, users_added
from payments.ledger.services.wallets import open_first_wallets
from payments.orders.services import give_first_scopes


@receiver(users_added)
def equip_new_users(*, users: Sequence[User], **_: Any) -> None:
    """Open the first wallets of users, and let services settle."""
    open_first_wallets(users)
    give_first_scopes(users)


@receiver(role_changed)
def equip_new_services(*, users: Sequence[User], **_: Any) -> None:
    give_first_scopes(users)
