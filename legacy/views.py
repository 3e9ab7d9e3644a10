"""What all views of the old addresses share: on or off, strict requests, exact numbers, keys that may be left out."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, cast

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.throttling import WindowThrottle
from api.locations import Located
from api.parsers import StrictJSONParser
from api.query_parameters import refuse_unknown_parameters
from api.validation import refuse_members
from legacy.directory import OldService
from legacy.numbers import ExactJSONRenderer, json_text
from legacy.requests import LegacyRequest, StrictFormParser
from payments.idempotency.decorator import KEY_PARAMETER, REPLAYED_PARAMETER, answer_with_key
from payments.idempotency.service import check_key

#: They would be in every log between the client and Till.
SECRETS = frozenset({"password", "token", "access_token", "refresh_token", "code", "client_secret"})
_KEY = OpenApiParameter(
    KEY_PARAMETER.name,
    KEY_PARAMETER.type,
    OpenApiParameter.HEADER,
    description="May be left out: then a repeat is another movement. With a key, the answer is given again instead.",
)


class OldAddress(NamedTuple):
    """A method of an old address: whose it was, and where its work is done in Till's own API."""

    services: tuple[OldService, ...]
    here: str

    @property
    def is_on(self) -> bool:
        return any(service.name in settings.TILL_LEGACY for service in self.services)


class AddressOff(Exception):
    """An old address that is not switched on."""

    def __init__(self, method: str, address: OldAddress) -> None:
        names = ", ".join(service.name for service in address.services)
        detail = _(
            "%(method)s is an address of another service (%(names)s). Here it is %(here)s. Or TILL_LEGACY=%(name)s"
            " switches it on: /docs/legacy."
        )
        values = {"method": method, "names": names, "here": address.here, "name": address.services[0].name}
        super().__init__(detail % values)


class LegacyView(Located, APIView):
    """`addresses` has the view's methods, `shapes` what each of them takes, in the body or in the query."""

    renderer_classes = (ExactJSONRenderer,)
    parser_classes: tuple[type[BaseParser], ...] = (StrictJSONParser, StrictFormParser)
    addresses: ClassVar[Mapping[str, OldAddress]]
    shapes: ClassVar[Mapping[str, type[LegacyRequest]]] = {}
    location = "{path}"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self._refuse_if_off(request.method or "")
        super().initial(request, *args, **kwargs)
        _refuse_secrets(request)
        shape = self.shapes.get(_as_answered(request.method))
        refuse_unknown_parameters(request.query_params, shape.known_names() if shape else ())
        if shape is None and request.method in self.addresses and request.method not in SAFE_METHODS:
            refuse_members(request)

    @property
    def allowed_methods(self) -> list[str]:
        return [method for method in super().allowed_methods if self._is_answered(method)]

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    def members(self, request: Request) -> dict[str, Any]:
        """Return what stands in the body and in the query together. Raises ValidationError for what is in both."""
        body, query = dict(request.data), request.query_params.dict()
        if twice := body.keys() & query.keys():
            raise ValidationError(
                {name: ErrorDetail(_("Either in the body or in the address."), code="exactly_one") for name in twice}
            )
        return {**query, **body}

    def checked(self, request: Request) -> dict[str, Any]:
        """Return the validated members. Raises ValidationError naming each that is wrong, unknown or missing."""
        shape = self.shapes[_as_answered(request.method)](data=self.members(request))
        shape.is_valid(raise_exception=True)
        return cast("dict[str, Any]", shape.validated_data)

    def _is_answered(self, method: str) -> bool:
        address = self.addresses.get(_as_answered(method))
        return address is None or address.is_on

    def _refuse_if_off(self, method: str) -> None:
        """Raise AddressOff where the method, or the whole address, belongs to services that are switched off."""
        method = _as_answered(method)
        known = method if method in self.addresses else next(iter(self.addresses))
        address = self.addresses[known]
        if not address.is_on and (known == method or not any(one.is_on for one in self.addresses.values())):
            raise AddressOff(f"{known} {self.request.path}", address)


class PublicLegacyView(LegacyView):
    """For callers who have no token yet; a stale one in the header does not stand in their way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (WindowThrottle,)
    throttle_scope: ClassVar[str]


def _as_answered(method: str | None) -> str:
    """HEAD is a GET whose body is left out."""
    return "GET" if method == "HEAD" else method or ""


def _refuse_secrets(request: Request) -> None:
    """Raise ValidationError for a password or a token in the address, whatever it is worth."""
    detail = _("Never in an address, which logs keep. Send it in the body, or in the header Authorization.")
    if given := SECRETS & request.query_params.keys():
        raise ValidationError({name: ErrorDetail(detail, code="secret_in_address") for name in sorted(given)})


def optionally_idempotent(handler: Callable[..., Response]) -> Callable[..., HttpResponse]:
    """Answer each Idempotency-Key of a user once, and act at once where there is none."""

    @extend_schema(parameters=[_KEY, REPLAYED_PARAMETER])
    @functools.wraps(handler)
    def answer(view: LegacyView, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        handle = functools.partial(handler, view, request, *args, **kwargs)
        if "Idempotency-Key" not in request.headers:
            return handle()
        key = check_key(request.headers["Idempotency-Key"])
        return answer_with_key(view, request, handle, key=key, data=view.members(request), write=json_text)

    return answer
