"""Queued mail: what requests leave behind, and what the sender makes of it."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts import services
from accounts.models import OutgoingMail, User
from accounts.services import outgoing_mail
from accounts.services.mail_limits import canonical_inbox
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


class DyingBackend(EmailBackend):
    """Takes the mail, and the process is killed before it can note that."""

    def send_messages(self, messages: Any) -> int:
        super().send_messages(messages)
        raise SystemExit


class AskingBackend(EmailBackend):
    """While it sends, the user asks for another link."""

    def send_messages(self, messages: Any) -> int:
        outgoing_mail.queue_activation_mail(user=User.objects.get())
        return int(super().send_messages(messages) or 0)


def register(email: str = "dave@example.com") -> User:
    return services.register(email=email, password=PASSWORD)[0]


def send_all() -> int:
    sent = 0
    while services.send_next_mail():
        sent += 1
    return sent


def make_due() -> None:
    OutgoingMail.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())


def with_mail_server(settings: Any, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 0.2


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_queued_mail_is_sent_once_and_noted() -> None:
    dave = register()
    assert mail.outbox == []
    assert send_all() == 1
    [message] = mail.outbox
    assert (message.to, "/api/v1/auth/activate/" in message.body) == ([dave.email], True)
    queued = OutgoingMail.objects.get()
    assert (queued.sent_at is not None, queued.next_attempt_at, queued.last_error) == (True, None, "")
    make_due()
    assert send_all() == 0


def test_no_link_and_no_text_is_kept_in_the_queue() -> None:
    register()
    columns = {field.name for field in OutgoingMail._meta.get_fields()}
    times = {"queued_at", "attempts", "next_attempt_at", "sent_at"}
    assert columns == {"id", "user", "kind", "address", "state", "language", "last_error", *times}
    assert OutgoingMail.objects.get().address == "", "the user's present email counts"


def test_a_mail_is_queued_only_if_its_change_is_committed() -> None:
    with transaction.atomic():
        register()
        transaction.set_rollback(True)
    assert not OutgoingMail.objects.exists()


def test_asking_again_replaces_the_mail_that_waits() -> None:
    dave = register()
    OutgoingMail.objects.update(attempts=5, next_attempt_at=None, last_error="away")
    services.resend_activation(email=dave.email)
    queued = OutgoingMail.objects.get()
    assert (queued.attempts, queued.last_error, queued.next_attempt_at is not None) == (0, "", True)


@pytest.mark.parametrize("change", ["activate", "disable"])
def test_a_user_who_no_longer_waits_gets_no_mail(change: str) -> None:
    dave = register()
    if change == "activate":
        services.enable_user(user_id=dave.pk)
    else:
        services.disable_user(user_id=dave.pk, by=None)
    assert send_all() == 1
    assert mail.outbox == []


def test_a_silent_mail_server_is_tried_again_later_and_given_up_in_the_end(settings: Any, silent_server: int) -> None:
    register()
    with_mail_server(settings, silent_server)
    pauses = []
    for _ in range(outgoing_mail.MAX_ATTEMPTS - 1):
        asked_at = timezone.now()
        assert send_all() == 1
        queued = OutgoingMail.objects.get()
        assert queued.next_attempt_at is not None
        pauses.append(round((queued.next_attempt_at - asked_at) / timedelta(minutes=1)))
        make_due()
    assert pauses == [2**attempt for attempt in range(outgoing_mail.MAX_ATTEMPTS - 1)]
    assert send_all() == 1
    queued = OutgoingMail.objects.get()
    assert (queued.next_attempt_at, queued.sent_at, "timed out" in queued.last_error) == (None, None, True)
    make_due()
    assert send_all() == 0


def test_a_mail_server_that_is_away_stops_no_other_mail(settings: Any) -> None:
    register("dave@example.com")
    register("erin@example.com")
    with_mail_server(settings, 1)
    assert send_all() == 2
    assert OutgoingMail.objects.filter(last_error__contains="refused").count() == 2


def test_a_sender_that_dies_leaves_the_mail_to_be_sent_again(settings: Any) -> None:
    register()
    settings.EMAIL_BACKEND = f"{__name__}.DyingBackend"
    with pytest.raises(SystemExit):
        services.send_next_mail()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_all() == 0, "nobody else takes it while its sender may still be at it"
    make_due()
    assert send_all() == 1
    assert len(mail.outbox) == 2


def test_a_mail_that_is_asked_for_while_it_is_sent_is_sent_again(settings: Any) -> None:
    register()
    settings.EMAIL_BACKEND = f"{__name__}.AskingBackend"
    assert services.send_next_mail()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_all() == 1
    assert len(mail.outbox) == 2


def test_old_mail_is_forgotten_and_waiting_mail_is_not() -> None:
    register("dave@example.com")
    send_all()
    register("erin@example.com")
    OutgoingMail.objects.update(queued_at=timezone.now() - outgoing_mail.KEPT - timedelta(hours=1))
    assert outgoing_mail.prune_mail() == 1
    assert OutgoingMail.objects.get().user.email == "erin@example.com"


def test_no_mail_is_tried_to_a_domain_that_never_exists() -> None:
    """A login that was no address ends there. The notice of its change goes to the address that can be read."""
    user = register("dave@login.invalid")
    assert send_all() == 1
    assert (len(mail.outbox), outgoing_mail.waiting_mail()) == (0, 0)
    assert OutgoingMail.objects.get().last_error == "Not sent: no mail reaches this address."
    addresses = "dave@login.invalid dave@example.com"
    outgoing_mail.queue_mail(users=[user], kind=OutgoingMail.Kind.EMAIL_CHANGED, address=addresses)
    send_all()
    assert [sent.to for sent in mail.outbox] == [["dave@example.com"]]


def test_the_command_sends_what_waits_and_may_be_repeated() -> None:
    register()
    for expected in ("1 mails tried, 0 waiting", "0 mails tried, 0 waiting"):
        out = StringIO()
        call_command("send_mail", stdout=out)
        assert out.getvalue().strip() == expected
    assert len(mail.outbox) == 1


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "mailbox"),
    [
        ("Victim@Example.com", "victim@example.com"),
        ("victim+7@example.com", "victim@example.com"),
        ("v.ictim+a+b@gmail.com", "victim@gmail.com"),
        ("v.i.c.t.i.m@GoogleMail.com", "victim@gmail.com"),
        ("v.ictim@example.com", "v.ictim@example.com"),
        ("+7@example.com", "+7@example.com"),
        ("victim@XN--BCHER-KVA.example", "victim@xn--bcher-kva.example"),
        ("victim@b\u00fccher.example", "victim@xn--bcher-kva.example"),
        (f"victim@{'x' * 70}.example", f"victim@{'x' * 70}.example"),
    ],
)
def test_a_mailbox_has_one_name(written: str, mailbox: str) -> None:
    assert canonical_inbox(written) == mailbox


def test_one_mailbox_gets_three_mails_an_hour_whatever_its_names() -> None:
    names = [f"v.ictim+{number}@gmail.com" for number in range(4)] + ["Victim@googlemail.com", "victim+@gmail.com"]
    for name in names:
        register(name)
    register("bob@gmail.com")
    assert send_all() == 7
    assert [message.to[0] for message in mail.outbox] == [*names[:3], "bob@gmail.com"]
    assert OutgoingMail.objects.filter(sent_at=None, next_attempt_at=None).count() == 3


def test_an_attempt_that_is_repeated_counts_once(settings: Any) -> None:
    register()
    with_mail_server(settings, 1)
    for _ in range(4):
        send_all()
        make_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    send_all()
    assert len(mail.outbox) == 1


def test_mail_beyond_the_domains_limit_waits_and_is_not_lost(settings: Any) -> None:
    settings.TILL_MAILS_PER_DOMAIN = "2/hour"
    for number in range(3):
        register(f"user{number}@example.com")
    register("bob@example.org")
    assert send_all() == 4
    assert [message.to[0] for message in mail.outbox] == ["user0@example.com", "user1@example.com", "bob@example.org"]
    waiting = OutgoingMail.objects.get(next_attempt_at__isnull=False)
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > timezone.now() + timedelta(minutes=50)
    settings.TILL_MAILS_PER_DOMAIN = "10/hour"
    make_due()
    assert send_all() == 1
    assert len(mail.outbox) == 4
