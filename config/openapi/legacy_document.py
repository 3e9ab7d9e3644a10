"""The OpenAPI document of other services' addresses: what it says besides, and how it is made."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings

INTRODUCTION: Final = Path(__file__).with_name("legacy_introduction.md").read_text(encoding="utf-8")
URLCONF: Final = "legacy.urls"
TAGS: Final = {
    "users": "All users, for admins: two documents have this address.",
    "accounts": "A Sanic service for accounts and payments; and a webhook and account service, which prints none.",
    "shop": "A shop with UUID keys; and its specification, which prints no address but the webhook's.",
    "wallets": "A FastAPI wallet service.",
}
#: In the place of SPECTACULAR_SETTINGS.
SETTINGS: Final[dict[str, Any]] = {
    "TITLE": "Till: addresses of five other services",
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.hooks.name_null_plainly",
        "config.openapi.legacy_document.describe_old_addresses",
        "config.openapi.hooks.forget_read_only",
        "config.openapi.hooks.name_integer_formats",
    ],
}


def describe_old_addresses(result: Any, **_: Any) -> Any:
    """Add the introduction, the server and the tags."""
    public = [{"url": settings.TILL_PUBLIC_URL}] if settings.TILL_PUBLIC_URL else []
    result["info"] |= {
        "summary": "For clients that were written for one of five other services.",
        "description": INTRODUCTION,
        "contact": {"name": "The operator of this Till", **(public[0] if public else {})},
        "license": {"name": "None is granted: all rights are reserved", "identifier": "LicenseRef-All-Rights-Reserved"},
    }
    result["components"]["securitySchemes"].pop("api_key", None)  # these addresses are closed to keys
    result["servers"] = [{"url": "/", "description": "Where this document was read."}]
    result["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    return result
