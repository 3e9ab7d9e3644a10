"""`manage.py send_webhook` plays a provider, and says when Till answers otherwise than it should."""

import io
import re
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from pytest_django.plugin import DjangoDbBlocker

from payments.conftest import stored
from payments.webhooks import simulator
from payments.webhooks.presets import PRESETS
from tests.support.http import PLAIN
from tests.support.live import LiveTill
from tests.support.mapped_providers import committed_providers
from tests.support.provider import FORMS, Form
from tests.support.terminal import Terminal


def run(**options: Any) -> str:
    output = io.StringIO()
    call_command("send_webhook", stdout=output, stderr=io.StringIO(), **options)
    return output.getvalue()


@pytest.fixture
def served(served_till: LiveTill, committed_db: None) -> str:
    return served_till.url


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_each_notice_of_send_webhook_is_credited_once_however_often_it_is_sent(
    served: str, form: Form, alice: Any
) -> None:
    output = run(
        url=served, provider=form.name, user=alice.pk, account=77, amount="12.50", count=5, parallel=4, duplicate=3
    )
    assert re.search(r"^20 sent in ", output)
    assert re.search(r"^ +5  200 credited$", output, re.MULTILINE)
    assert re.search(r"^ +15  200 duplicate$", output, re.MULTILINE)
    assert re.search(r"p50 .* p95 .* p99 .* max ", output)
    assert (stored().postings, stored().balances) == (5, Decimal("62.5"))


@pytest.mark.parametrize("field", ["transaction_id", "user_id", "account", "amount", "signature"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_it_tampers_with_is_refused(served: str, form: Form, alice: Any, field: str) -> None:
    name = form.account_field if field == "account" else field
    output = run(url=served, provider=form.name, user=alice.pk, account=77, tamper=name)
    assert "1  401 invalid_signature" in output
    assert stored().events == 0


def test_send_webhook_fails_when_the_answer_is_not_the_expected_one(served: str, alice: Any) -> None:
    with pytest.raises(CommandError, match="Expected 1 times 200 credited"):
        run(url=served, user=alice.pk + 1000)


def test_send_webhook_fails_when_nobody_answers(committed_db: None) -> None:
    with pytest.raises(CommandError, match="Expected"):
        run(url="http://127.0.0.1:9")


def test_send_webhook_counts_on_a_terminal_and_writes_no_progress_into_a_file(served: str, alice: Any) -> None:
    terminal, log = Terminal(), io.StringIO()
    for stderr in (terminal, log):
        call_command("send_webhook", url=served, user=alice.pk, count=2, stdout=io.StringIO(), stderr=stderr)
    assert terminal.getvalue() == "\rsent 1/2\rsent 2/2\n"
    assert log.getvalue() == ""


def test_send_webhook_sends_no_more_once_it_is_interrupted(served: str, alice: Any) -> None:
    class Interrupted(Terminal):
        def write(self, _text: str) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupted:
        call_command("send_webhook", url=served, user=alice.pk, count=300, stderr=Interrupted())
    sent = stored().events
    time.sleep(0.5)
    assert stored().events == sent < 300
    assert interrupted.tb is not None  # its frames are still there, and so what they have not closed


def test_send_webhook_sends_no_more_when_it_is_interrupted_while_handing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "TIMEOUT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as provider, ExitStack() as connected:

        def handed_out() -> Iterator[simulator.Delivery]:
            for _ in range(3):
                yield simulator.Delivery("/", {}, "")
            connected.enter_context(provider.accept()[0])  # one is under way, two are queued
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(simulator.send(f"http://127.0.0.1:{provider.getsockname()[1]}", handed_out(), parallel=1))
        provider.settimeout(0)
        with pytest.raises(BlockingIOError):
            provider.accept()


@pytest.fixture(scope="module")
def mapped_providers(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with committed_providers(django_db_blocker, *PRESETS):
        yield


@pytest.mark.parametrize("slug", PRESETS)
def test_it_plays_providers_with_documents_of_their_own(
    mapped_providers: None, served: str, slug: str, alice: Any
) -> None:
    output = run(url=served, provider=slug, user=alice.pk, amount="12.50", count=3, parallel=3, duplicate=1)
    assert re.search(r"^ +3  200 credited$", output, re.MULTILINE)
    assert re.search(r"^ +3  200 duplicate$", output, re.MULTILINE)
    assert (stored().wallets, stored().balances) == (1, Decimal("37.5"))
    for field in ("transaction_id", "user_id", "amount", "currency", "event_type", "signature"):
        assert "1  401 invalid_signature" in run(url=served, provider=slug, user=alice.pk, tamper=field)
    with pytest.raises(CommandError, match="no field 'account_id'"):
        run(url=served, provider=slug, user=alice.pk, tamper="account_id")
    if slug == "stripe":
        with pytest.raises(CommandError, match="no whole number"):
            run(url=served, provider=slug, user=alice.pk, amount="0.001")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_curl_that_it_prints_can_be_pasted(served: str, form: Form, alice: Any) -> None:
    command = run(url=served, provider=form.name, user=alice.pk, account=77, amount="1.50", dry_run=True)
    assert stored().events == 0
    program, *words = shlex.split(command)
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    assert (program, words[:3], words[-2]) == ("curl", ["-i", "-X", "POST"], "--data-raw")
    for duplicate in (False, True):
        answer = httpx.post(words[3], headers=headers, content=words[-1], verify=PLAIN)
        assert (answer.status_code, answer.json()["duplicate"]) == (200, duplicate)
    assert stored().balances == Decimal("1.5")


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"url": "https://till.example.com"}, "on this machine"),
        ({"url": "http://till.example.com:8000"}, "on this machine"),
        ({"url": "http://127.0.0.1:8000/elsewhere"}, "on this machine"),
        ({"provider": "nobody"}, "there are: sha1_colon, sha256_concat, standard_webhooks"),
        ({"amount": "1e2"}, "plain decimal"),
        ({"tamper": "iban"}, "no field 'iban'"),
        ({"count": 0}, "at least 1"),
        ({"parallel": 1001}, "up to 1000"),
        ({"duplicate": -1}, "not negative"),
    ],
)
def test_send_webhook_refuses_what_makes_no_sense(db: None, options: dict[str, Any], output: str) -> None:
    with pytest.raises(CommandError, match=re.escape(output)):
        run(**options)
