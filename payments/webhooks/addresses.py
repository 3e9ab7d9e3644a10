"""The addresses of webhooks, written once. No Django, no settings."""

import re
from typing import Final

#: The form of a notice that may come from any provider.
ANY_FORM: Final = "standard_webhooks"
#: The fixed address of each older scheme, whose name is also the provider's slug and the form of its notices.
FIXED_PATHS: Final = {"sha1_colon": "/payment/webhook", "sha256_concat": "/webhook/payment"}
#: Behind it stands a provider's slug: the address that every provider has.
PREFIX: Final = "/api/v1/webhooks/"
_FORMS: Final = {path: form for form, path in FIXED_PATHS.items()}
#: As the route of payments.urls has it.
_SLUG: Final = re.compile(r"[-a-zA-Z0-9_]+", re.ASCII)


def slug_and_form(path: str) -> tuple[str, str] | None:
    """Return the provider's slug and the form of its notices, None when this is no webhook's address."""
    if form := _FORMS.get(path):
        return form, form
    slug = path.removeprefix(PREFIX)
    return (slug, ANY_FORM) if slug != path and _SLUG.fullmatch(slug) else None


def path_of(slug: str, form: str) -> str:
    """Return the address that leads to this provider and form."""
    return FIXED_PATHS.get(form, PREFIX + slug)
