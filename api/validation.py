"""Check a request's body against a serializer, or that there is none."""

from typing import Any, cast

from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from api import serializers


def checked(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """Return the validated body. Raises DRF's ValidationError naming each member that is wrong or unknown."""
    shape = serializer(data=request.data)
    shape.is_valid(raise_exception=True)
    return cast("dict[str, Any]", shape.validated_data)


def refuse_members(request: Request) -> None:
    """For what takes no body, or an empty object: raise ValidationError naming what stands there.

    A form without fields, which some clients send, is no body either; any other raises UnsupportedMediaType.
    """
    try:
        members = request.data
    except UnsupportedMediaType:
        if b"=" in request._request.body:
            raise
        return
    if errors := serializers.unknown_members(members):
        raise ValidationError(errors)
