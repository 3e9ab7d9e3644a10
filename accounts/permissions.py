"""Who may call what, by role. Whose object it is, the queries decide: others' are 404."""

from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from accounts.models import Role

if TYPE_CHECKING:  # rest_framework.views itself imports this module, as the default of its settings.
    from rest_framework.views import APIView


class HasRole(IsAuthenticated):
    """Signed in, with one of `roles`. Without a token the answer is 401, with another role 403.

    A key that opens what its role does not has the scope for it: the authentication has seen to that.
    """

    roles: ClassVar[frozenset[Role]] = frozenset(Role)

    def has_permission(self, request: Request, view: "APIView") -> bool:
        has_role = getattr(request.user, "role", None) in self.roles or getattr(request.user, "is_widened", False)
        return super().has_permission(request, view) and has_role


class IsNotService(HasRole):
    """Anybody but a service, which settles deposits and withdrawals and sees nothing else. The default."""

    roles = frozenset({Role.USER, Role.ADMIN})


class IsAdmin(HasRole):
    """Staff with the role admin."""

    roles = frozenset({Role.ADMIN})


class CanSettle(HasRole):
    """A service, or an admin in its place."""

    roles = frozenset({Role.SERVICE, Role.ADMIN})
