"""Texts of mails: templates that a team overrides, and that nothing in a mail can break."""

from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone, translation

from accounts import services
from accounts.models import OutgoingMail, User
from accounts.services.mail_texts import text_of
from accounts.services.outgoing_mail import MAX_ATTEMPTS, queue_mail
from accounts.tests.conftest import PASSWORD
from accounts.tests.link_mail import mailed
from tests.support import recipes

pytestmark = pytest.mark.django_db

Kind = OutgoingMail.Kind


@pytest.fixture
def override(tmp_path: Path, settings: Any) -> Any:
    """Write a team's own text of a mail."""
    (tmp_path / "mail").mkdir()
    page, texts = settings.TEMPLATES
    settings.TEMPLATES = [page, texts | {"DIRS": [tmp_path]}]

    def write(kind: Kind, text: str) -> None:
        (tmp_path / "mail" / f"{kind}.txt").write_text(text)

    return write


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_mail_has_a_subject_and_a_text(alice: User, kind: Kind) -> None:
    subject, body = text_of(OutgoingMail(user=alice, kind=kind, address="new@example.com", language="en"))
    assert 5 < len(subject) < 70
    assert body.strip()
    assert not {"{", "&#", "&quot;"} & {*body.split()}


def test_a_team_overrides_a_text_and_keeps_the_others(alice: User, override: Any) -> None:
    override(Kind.PASSWORD_RESET, "Your new Example password\n\nHello {{ full_name }}: {{ link }} ({{ minutes }})\n")
    User.objects.filter(pk=alice.pk).update(full_name="Alice & <Bob>")
    services.request_password_reset(email=alice.email)
    services.register(email="dave@example.com", password=PASSWORD)
    messages = {message.to[0]: message for message in mailed()}
    ours = messages[alice.email]
    assert ours.subject == "Your new Example password"
    assert ours.body.startswith("Hello Alice & <Bob>: http://")
    assert ours.body.endswith("(60)\n")
    assert messages["dave@example.com"].subject == "Activate your account"


@pytest.mark.parametrize("broken", ["{% nonsense %}", "Only a subject", "", "{% load i18n %}\n\n"])
def test_a_broken_text_loses_no_mail(alice: User, override: Any, broken: str) -> None:
    override(Kind.PASSWORD_CHANGED, broken)
    queue_mail(users=[alice], kind=Kind.PASSWORD_CHANGED)
    for _ in range(MAX_ATTEMPTS + 2):
        assert mailed() == []
        assert OutgoingMail.objects.get().last_error
        OutgoingMail.objects.update(next_attempt_at=timezone.now())
    override(Kind.PASSWORD_CHANGED, "Mended\n\nThe text.\n")
    assert [message.subject for message in mailed()] == ["Mended"]


def test_a_name_puts_nothing_into_the_head_of_a_mail(override: Any) -> None:
    override(Kind.PASSWORD_CHANGED, "For {{ full_name }}\n\nThe text.\n")
    user = recipes.user.make(email="eve@example.com", full_name="Eve")
    for separator in ("\n", "\r\n", "\r", "\u2028", "\x0b"):
        user.full_name = f"Eve{separator}Bcc: victim@example.com"
        subject, body = text_of(OutgoingMail(user=user, kind=Kind.PASSWORD_CHANGED))
        assert subject == "For Eve"
        assert "The text." in body


def test_a_stranger_writes_nothing_into_a_mail_to_an_unproven_address() -> None:
    services.register(email="victim@example.com", password=PASSWORD, full_name="Win at evil.example")
    assert "evil" not in mailed()[0].body


def test_a_mail_keeps_the_language_of_the_request_that_queued_it(alice: User) -> None:
    with translation.override("ru"):
        queue_mail(users=[alice], kind=Kind.PASSWORD_CHANGED)
        expected = translation.get_language()
    assert OutgoingMail.objects.get().language == expected


def test_old_emails_that_wait_for_their_notice_do_not_see_each_other(alice: User) -> None:
    for email in ("alice2@example.com", "alice3@example.com"):
        services.update_user(user=alice, email=email)
    [message] = mailed()
    assert (message.to, message.bcc) == ([], ["alice@example.com", "alice2@example.com"])
    assert mail.outbox == [message]
