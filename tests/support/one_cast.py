"""Who calls the API, and what they own: one cast for all tests of a file, which each of them finds as it was made."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from accounts.services import set_support
from payments.orders.services import add_scope
from tests.support.every_operation import OperationContext, OwnedObjects, access_token, new_user
from tests.support.rollback import kept_for_a_file

#: A user who has money is not deleted.
DELETING = ("users_delete", "legacy_accounts_delete_user")


class Cast:
    """Who calls, and whose objects they ask about.

    Everybody but the stranger and the service has a wallet, and all callers have logged in: most requests need that.
    """

    def __init__(self) -> None:
        self.bob, self.stranger = new_user("bob"), new_user("stranger")
        admin, service = new_user("admin", "admin"), new_user("service", "service")
        add_scope(service_id=service.pk, staff=admin, currency="USD")
        self.callers: dict[str, User | None] = {
            "anonymous": None,
            "user": new_user("alice"),
            "service": service,
            "support": set_support(user_id=new_user("support").pk, on=True),
            "admin": admin,
        }
        self._objects: dict[tuple[User, str], OwnedObjects] = {}
        for caller in filter(None, self.callers.values()):
            access_token(caller)
            if caller != service:
                self._make(caller)
        self._make(self.bob)
        self._make(self.bob, "EUR")

    def _make(self, owner: User, currency: str = "USD") -> None:
        self._objects[owner, currency] = owned = OwnedObjects(owner, currency)
        assert owned.wallet

    def objects(self, owner: User, currency: str = "USD") -> OwnedObjects:
        """A copy: what a test makes besides is not there for the next one."""
        return copy(self._objects[owner, currency])

    def context(self, row: str, name: str, whose: str) -> OperationContext:
        caller = self.callers[name]
        if caller is None or name == "service":
            bobs = self.objects(self.bob, "EUR" if whose == "foreign" else "USD")
            return OperationContext(the=bobs, my=bobs)
        my = self.objects(caller)
        if whose == "own":
            return OperationContext(the=my, my=my)
        the = OwnedObjects(self.stranger) if row in DELETING else self.objects(self.bob)
        return OperationContext(the=the, my=my)


@contextmanager
def one_cast(blocker: DjangoDbBlocker) -> Iterator[Cast]:
    with kept_for_a_file(blocker):
        cast = Cast()
        connection.check_constraints()
        yield cast
