"""What each kind of mail says: a template, in the language that was active when the mail was queued.

A team overrides `mail/<kind>.txt` in the folder that TILL_TEMPLATES names: docs/operations.md#texts-of-mails. What is
sent to an address that nobody has proven holds nothing that a stranger wrote, such as a name.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.template.loader import get_template
from django.utils import translation

from accounts import links
from accounts.models import OutgoingMail


class MailText(NamedTuple):
    subject: str
    body: str


class EmptyMail(Exception):
    """The template has no subject in its first line, or nothing below it."""


def text_of(mail: OutgoingMail) -> MailText:
    """Return what the mail says, with a link that is signed now. Raises what a broken template raises."""
    with translation.override(mail.language or settings.LANGUAGE_CODE):
        text = get_template(f"mail/{mail.kind}.txt", using="mail").render(_context(mail))
    subject, *lines = text.strip().splitlines() or [""]
    body = "\n".join(lines).strip()
    if not subject.strip() or not body:
        raise EmptyMail(f"mail/{mail.kind}.txt says nothing")
    return MailText(subject.strip(), f"{body}\n")


def _context(mail: OutgoingMail) -> dict[str, Any]:
    common = {"public_url": settings.TILL_PUBLIC_URL, "support_email": settings.TILL_SUPPORT_EMAIL}
    return common | (_CONTEXTS[OutgoingMail.Kind(mail.kind)](mail) if mail.kind in _CONTEXTS else {})


def _activation(mail: OutgoingMail) -> dict[str, Any]:
    return {"link": links.activation_url(user=mail.user, base_url="")}


def _password_reset(mail: OutgoingMail) -> dict[str, Any]:
    minutes = settings.TILL_PASSWORD_RESET_LINK_SECONDS // 60
    return _named(mail) | {"link": links.password_reset_url(user=mail.user), "minutes": minutes}


def _email_change(mail: OutgoingMail) -> dict[str, Any]:
    return {"link": links.email_change_url(user=mail.user, email=mail.address)}


def _named(mail: OutgoingMail) -> dict[str, Any]:
    return {"full_name": mail.user.full_name}


_CONTEXTS: dict[OutgoingMail.Kind, Callable[[OutgoingMail], dict[str, Any]]] = {
    OutgoingMail.Kind.ACTIVATION: _activation,
    OutgoingMail.Kind.PASSWORD_RESET: _password_reset,
    OutgoingMail.Kind.PASSWORD_CHANGED: _named,
    OutgoingMail.Kind.EMAIL_CHANGE: _email_change,
    OutgoingMail.Kind.EMAIL_CHANGED: _named,
}
