"""TILL_WEBHOOK_FAST_PATH=0: Django answers webhooks, and their senders notice nothing but its headers.

What is promised here is promised in tests/http/test_fast_path.py too, of a Till that has the fast path on.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from payments.models import Posting
from tests.http.test_fast_path import ARRIVALS, DJANGOS_HEADER, refusals
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.load_client import as_request
from tests.support.provider import FORMS, SHA1_COLON, Form
from tests.support.raw_http import HOST, RawConnection


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    with django_db_blocker.unblock():
        till = UncheckedTill(TILL_WORKERS="1", TILL_WEBHOOK_FAST_PATH="0")
        till.start()
    yield till
    till.stop()


@pytest.fixture
def line(served: LiveTill, committed_db: None) -> Iterator[RawConnection]:
    line = RawConnection(served.port)
    yield line
    line.close()
    assert_ledger_balances()


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_notice_is_credited_once_whoever_answers_it(
    line: RawConnection, alice: Any, form: Form, arrival: Callable[[bytes], list[bytes]]
) -> None:
    request = as_request(form.notice(user_id=alice.pk, amount="1.50"), HOST)
    for duplicate in (False, True):
        line.send(*arrival(request))
        status, headers, body = line.answer()
        assert (status, body["status"], body["duplicate"], body["balance"]) == (200, "credited", duplicate, "1.50")
        assert (headers["content-type"], headers["x-content-type-options"]) == ("application/json", "nosniff")
        assert len(headers["x-request-id"]) == 32
        assert DJANGOS_HEADER in headers
    assert Posting.objects.count() == 1


def test_what_is_not_credited_has_the_same_code(line: RawConnection, alice: Any) -> None:
    for code, delivery in refusals(alice).items():
        line.send(as_request(delivery, HOST))
        _, headers, body = line.answer()
        assert body.get("code", "credited") == code
        assert DJANGOS_HEADER in headers


def test_a_request_id_comes_back(line: RawConnection, alice: Any) -> None:
    line.send(as_request(SHA1_COLON.notice(user_id=alice.pk).with_headers(x_request_id="provider-id-77"), HOST))
    assert line.answer()[1]["x-request-id"] == "provider-id-77"
