"""What drf-spectacular cannot guess: the error answers of every operation, and how to sign in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, build_bearer_security_scheme_object
from drf_spectacular.serializers import PolymorphicProxySerializerExtension
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny

from accounts.key_scopes import needed_scope
from api.serializers import RequestSerializer
from config.openapi.problem_component import DESCRIPTIONS, RETRY_AFTER, problem_schema

LOCATION = {
    "Location": {
        "schema": {"type": "string", "format": "uri-reference"},
        "description": "Where it is read.",
        "required": True,
    },
}


class TillSchema(AutoSchema):
    """Adds the error answers that apply to an operation; those that a view describes get the one shape."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self.problem_statuses():
            responses.setdefault(status, {"description": DESCRIPTIONS[status]})
        if "201" in responses:
            responses["201"]["headers"] = LOCATION | responses["201"].get("headers", {})
        errors = {status: self.as_problem(status, body) for status, body in responses.items() if status >= "400"}
        return dict(sorted((responses | errors).items()))

    def problem_statuses(self) -> list[str]:
        """Return the statuses of the errors that this operation can answer with."""
        permissions = {type(permission) for permission in self.view.get_permissions()}
        writes = self.method in ("POST", "PUT", "PATCH")
        applies = {
            "400": True,
            "401": bool(permissions - {AllowAny}),
            "403": bool(permissions - {AllowAny}),
            "404": "{" in self.path or hasattr(self.view, "addresses"),  # an old one may be off
            "406": issubclass(self.view.content_negotiation_class, DefaultContentNegotiation),
            "409": self.method != "GET",
            "413": writes,
            "415": writes,
            "422": writes,
            "429": bool(self.view.get_throttles()),
            "503": True,
        }
        return [status for status, applied in applies.items() if applied]

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        """Let a PATCH leave fields out only where its view does: where it is described with `partial=True`."""
        method = self.method
        if method == "PATCH" and not getattr(serializer, "partial", False):
            self.method = "PUT"  # of a PATCH drf-spectacular makes everything optional
        try:
            return super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """Say of a request's body that members which it does not know are refused: where it has one name for each."""
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        has_aliases = bool(getattr(serializer, "aliases", None))
        if direction == "request" and isinstance(serializer, RequestSerializer) and not has_aliases:
            schema["additionalProperties"] = False
        return schema

    def as_problem(self, status: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep the view's description and examples, put the shared component in the place of its schema."""
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name="Problem", type=ResolvedComponent.SCHEMA, schema=problem_schema(), object="Problem"
        )
        self.registry.register_on_missing(component)
        media: dict[str, Any] = {"schema": component.ref}
        for described in body.get("content", {}).values():
            if "examples" in described:
                media.setdefault("examples", {}).update(described["examples"])
        headers = RETRY_AFTER if status in ("429", "503") else {}
        answer = {"description": body["description"], "content": {"application/problem+json": media}}
        return answer | ({"headers": body.get("headers", {}) | headers} if headers or "headers" in body else {})


class AnyOfThem(PolymorphicProxySerializerExtension):  # type: ignore[no-untyped-call]
    """What fits one of several shapes may fit another too, such as one that it extends."""

    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super().map_serializer(auto_schema, direction)  # type: ignore[no-untyped-call]
        schema["anyOf"] = schema.pop("oneOf")
        return schema


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <access token>`."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        return build_bearer_security_scheme_object("Authorization", "Bearer", "JWT")


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <API key>`, where an operation is open to keys. The requirement names the scope."""

    target_class = "accounts.authentication.KeyAuthentication"
    name = "api_key"

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        scope = needed_scope(auto_schema.view, auto_schema.method)
        return [] if scope is None else [{self.name: [scope.value]}]

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        scheme = build_bearer_security_scheme_object("Authorization", "Bearer", "till_<prefix>_<secret>")
        return scheme | {"description": "An API key of a service. Each operation names the scope that the key needs."}
