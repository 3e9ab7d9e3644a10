"""Which form an answer takes."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.settings import api_settings


class Negotiation(DefaultContentNegotiation):
    """By `Accept`; where a view has a choice, `?format=` decides instead.

    Elsewhere, and with a form that the view does not know, it is a parameter like others, which the view refuses.
    """

    settings: Any = api_settings

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        choice = list(renderers)
        wanted = request.query_params.get("format") if len(choice) > 1 else None
        for renderer in choice:
            if renderer.format == wanted:
                return renderer, renderer.media_type
        return super().select_renderer(request, choice, format_suffix)
