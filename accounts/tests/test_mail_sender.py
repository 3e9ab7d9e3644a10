"""Who sends the mails: a worker while one is alive, else the processes that serve."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.models import SenderLease
from accounts.services import mail_lease
from accounts.services.mail_sender import MailSender
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def serving() -> MailSender:
    return MailSender(is_worker=False)


@pytest.fixture
def worker() -> MailSender:
    return MailSender(is_worker=True)


@pytest.fixture(autouse=True)
def queued_mail(db: None) -> None:
    services.register(email="dave@example.com", password=PASSWORD)


def test_a_serving_process_leaves_mail_to_a_worker_that_is_alive(serving: MailSender, worker: MailSender) -> None:
    worker.renew()
    with CaptureQueriesContext(connection) as queries:
        serving.send_due()
    assert (mail.outbox, len(queries)) == ([], 1)
    worker.send_due()
    assert len(mail.outbox) == 1


def test_a_serving_process_sends_where_there_is_no_worker(serving: MailSender) -> None:
    serving.send_due()
    assert len(mail.outbox) == 1
    assert not mail_lease.is_held()


def test_a_serving_process_takes_over_from_a_worker_that_was_killed(serving: MailSender, worker: MailSender) -> None:
    worker.renew()
    SenderLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    serving.send_due()
    assert len(mail.outbox) == 1


def test_a_serving_process_takes_over_from_a_worker_that_ends(serving: MailSender, worker: MailSender) -> None:
    worker.renew()
    worker.end()
    serving.send_due()
    assert len(mail.outbox) == 1


def test_a_serving_process_ends_nobodys_lease(serving: MailSender, worker: MailSender) -> None:
    worker.renew()
    serving.end()
    assert mail_lease.is_held()


def test_a_worker_is_known_to_be_alive_for_a_minute(worker: MailSender) -> None:
    worker.send_due()
    left = SenderLease.objects.get().expires_at - timezone.now()
    assert timedelta(seconds=50) < left < timedelta(seconds=61)


def test_a_workers_looks_renew_the_lease_only_from_time_to_time(worker: MailSender) -> None:
    worker.send_due()
    SenderLease.objects.all().delete()
    worker.send_due()
    assert not mail_lease.is_held()
