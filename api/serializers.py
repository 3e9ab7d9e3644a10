"""Serializers of requests: a member that is not known is refused by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

MAX_UNKNOWN_NAMED = 20
#: Members of a body that stand elsewhere in a request.
_ELSEWHERE = {
    "dryrun": gettext_lazy("It goes into the address: `?dry_run=true`."),
    "idempotencykey": gettext_lazy("It goes into the header `Idempotency-Key`."),
}


class RequestSerializer(serializers.Serializer[Any]):
    """What a request's body holds. A member that it does not know is refused by name, never dropped."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = self.refused_members(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**unknown, **error.detail}) from None
            raise
        if unknown:
            raise ValidationError(unknown)
        return value

    def refused_members(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        return unknown_members(data, self.fields)


def unknown_members(given: Iterable[str], known: Iterable[str] = ()) -> dict[str, ErrorDetail]:
    """Return an error for each member that is not known, at most for the first twenty."""
    names = set(known)
    unknown = [name for name in given if name not in names][:MAX_UNKNOWN_NAMED]
    return {name: ErrorDetail(_advice(name, names), code="unknown_field") for name in unknown}


def _advice(name: str, known: set[str]) -> str:
    """Say what may have been meant: `expectedPrice` is `expected_price`, and a dry run is asked for elsewhere."""
    bare = _bare(name)
    if meant := next((other for other in known if _bare(other) == bare), None):
        return _("This field is not known here; did you mean `%(name)s`?") % {"name": meant}
    return f"{_('This field is not known here.')} {_ELSEWHERE.get(bare, '')}".rstrip()


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def refuse_unless_one_of(attrs: dict[str, Any], *names: str) -> None:
    """Raise ValidationError naming all of the fields unless exactly one is given."""
    if sum(name in attrs for name in names) != 1:
        choice = ", ".join(f"`{name}`" for name in names)
        raise ValidationError(
            {
                name: ErrorDetail(_("Exactly one of these: %(choice)s.") % {"choice": choice}, code="exactly_one")
                for name in names
            }
        )
