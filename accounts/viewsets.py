"""What the viewsets of the API share: their user, strict writes, dry runs."""

from typing import Any, cast

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.models import User
from api.locations import Located
from api.path_parameters import ID_PATTERN


class StrictWrites(Located):
    """Refuses unknown query parameters of what writes as well: a misspelt dry_run must not act. Stands first."""

    request: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # the APIView it is mixed into
        if request.method not in SAFE_METHODS:
            view: Any = self
            view.filter_queryset(view.queryset.none())

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def for_staff(self) -> bool:
        """The schema describes what staff may ask."""
        return getattr(self, "swagger_fake_view", False) or self.user.sees_all


class Previewing(StrictWrites):
    """What can be created can be tried with `?dry_run=true`, and nothing else be asked of a write."""

    action: Any

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return ("dry_run",) if self.action == "create" else ()


class ReadingViewSet(StrictWrites, ReadOnlyModelViewSet[Any]):
    lookup_value_regex = ID_PATTERN
