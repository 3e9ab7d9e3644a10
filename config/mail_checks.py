"""System checks of mails and the links in them: config/checks.py has the others."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

LINK_PAGES = ("TILL_ACTIVATION_URL", "TILL_PASSWORD_RESET_URL", "TILL_EMAIL_CHANGE_URL")


@register(Tags.security)
def check_activation(**_: Any) -> list[CheckMessage]:
    """With the link in the answer anybody can activate any address without its mailbox, and gets money sent to it."""
    if settings.TILL_DEBUG or not settings.TILL_RETURN_ACTIVATION_LINK:
        return []
    hint = "Anybody can register and activate anybody's address; transfers by email then go there. Leave it unset."
    return [checks.Warning("TILL_RETURN_ACTIVATION_LINK is on.", hint=hint, id="till.W004")]


@register(Tags.security)
def check_mail(**_: Any) -> list[CheckMessage]:
    if settings.TILL_DEBUG or not settings.TILL_MAIL_ACTIVATION_LINK or settings.EMAIL_HOST:
        return []
    hint = "Name it: smtp+tls://user:password@host:587. Or set TILL_MAIL_ACTIVATION_LINK=0."
    return [checks.Warning("TILL_EMAIL_URL names no mail server: nobody is mailed.", hint=hint, id="till.W006")]


@register(Tags.security)
def check_no_activation(**_: Any) -> list[CheckMessage]:
    if settings.TILL_DEBUG or settings.TILL_ACTIVATION == "link":
        return []
    hint = (
        "Right where another service has proven the address. Else anybody registers anybody's, and gets its transfers."
    )
    return [checks.Warning("TILL_ACTIVATION=none: nobody proves an address.", hint=hint, id="till.W010")]


@register(Tags.security)
def check_link_pages(**_: Any) -> list[CheckMessage]:
    """A link without its token is useless, and one over plain HTTP tells the token to everybody on the way."""
    problems = [(name, _link_page_problem(getattr(settings, name))) for name in LINK_PAGES]
    hint = "For example https://app.example.com/activate/{token}; or unset it: Till has a page of its own."
    return [Error(f"{name} {problem}.", hint=hint, id="till.E020") for name, problem in problems if problem]


def _link_page_problem(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url
    except ValueError:
        is_address = False
    if not is_address:
        return "is not an address"
    if "{token}" not in url or "{token}" in parts.netloc:
        return "has no {token} in its path, query or fragment"
    return "is not https" if parts.scheme == "http" and not settings.TILL_DEBUG else ""


@register(Tags.templates)
def check_templates(**_: Any) -> list[CheckMessage]:
    if not settings.TILL_TEMPLATES or Path(settings.TILL_TEMPLATES).is_dir():
        return []
    return [Error(f"TILL_TEMPLATES={settings.TILL_TEMPLATES} is no folder.", id="till.E021")]
