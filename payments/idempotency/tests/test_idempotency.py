"""Idempotency-Key: the key, the money and the answer commit together, whatever the view is."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any, ClassVar, cast

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.urls import include, path
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real
from payments.idempotency import service as idempotency
from payments.idempotency.decorator import idempotent
from payments.ledger import booking
from payments.models import IdempotencyKey, Posting, Transaction, Wallet
from tests.support import recipes
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.threads import at_once

ERRORS: dict[str, Callable[[], Exception]] = {
    "400": lambda: exceptions.ValidationError({"amount": ["Odd."]}),
    "403": exceptions.PermissionDenied,
    "404": exceptions.NotFound,
    "500": lambda: RuntimeError("unforeseen"),
    "503": lambda: OperationalError("away"),
}


class PayView(APIView):
    """Pays each amount out of a wallet, one after the other, then raises what `failures` holds next."""

    failures: ClassVar[list[str]] = []
    entered, may_go_on = threading.Event(), threading.Event()

    @idempotent
    def post(self, request: Request, wallet: int) -> Response:
        body = cast("dict[str, Any]", request.data)
        for amount in body["amounts"]:
            line = booking.NewPosting(wallet, clearing_wallet(), Decimal(amount))
            [result] = booking.book([booking.NewTransaction(Transaction.Kind.WITHDRAWAL, (line,))])
            if isinstance(result, booking.Refused):
                raise result.error
        if body.get("waits"):
            self.entered.set()
            assert self.may_go_on.wait(30)
        if self.failures:
            raise ERRORS[self.failures.pop()]()
        return Response({"paid": body["amounts"], "by": str(request.user), "note": "ж ✓"}, 201)


urlpatterns = [path("pay/<int:wallet>", PayView.as_view()), path("", include(real))]
__all__ = ["handler400", "handler403", "handler404", "handler500"]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def quiet_view() -> Iterator[None]:
    PayView.failures.clear()
    PayView.entered.clear()
    PayView.may_go_on.clear()
    yield
    PayView.may_go_on.set()


def pay(user: Any, wallet: int, *amounts: str, key: str | None = "k1", **body: Any) -> Any:
    client = APIClient(raise_request_exception=False)
    if user:
        client.force_authenticate(user)
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/pay/{wallet}", {"amounts": amounts, **body}, headers=headers)


def balance(wallet: Wallet) -> Decimal:
    wallet.refresh_from_db()
    amount: Decimal = wallet.balance
    return amount


def refused(answer: Any, status: int, code: str) -> Any:
    assert answer.status_code == status, answer.content
    assert answer.json()["code"] == code
    return answer


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


# --- the header ---
def test_a_key_is_required(alice: Any, wallet: Wallet) -> None:
    refused(pay(alice, wallet.pk, "10", key=None), 400, "idempotency_key_required")
    assert balance(wallet) == 100


@pytest.mark.parametrize("key", ["", " ", "a b", "tab\there", "é", "ключ", "x" * 256, "\x7f"])
def test_a_key_that_is_not_visible_ascii_is_refused(alice: Any, wallet: Wallet, key: str) -> None:
    refused(pay(alice, wallet.pk, "10", key=key), 400, "invalid_idempotency_key")
    assert balance(wallet) == 100


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_any_visible_key_is_taken(alice: Any, wallet: Wallet, key: str) -> None:
    assert pay(alice, wallet.pk, "10", key=key).status_code == 201


def test_the_caller_is_authenticated_before_the_key_is_looked_at(db: None) -> None:
    refused(pay(None, 1, "10", key=None), 401, "not_authenticated")
    assert not IdempotencyKey.objects.exists()


# --- the same request again ---
def test_a_repeat_replays_the_same_bytes_and_moves_nothing(alice: Any, wallet: Wallet) -> None:
    first, again = pay(alice, wallet.pk, "10"), pay(alice, wallet.pk, "10")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "✓".encode() in first.content
    assert first.headers["Content-Type"] == again.headers["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert balance(wallet) == 90


def test_the_same_json_is_a_repeat_however_it_is_written(alice: Any, wallet: Wallet) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    for body in ('{"amounts":["10"],"note":"a"}', '{ "note" : "\\u0061",\n "amounts": ["10"] }'):
        answer = client.generic(
            "POST", f"/pay/{wallet.pk}", body, "application/json", headers={"Idempotency-Key": "k1"}
        )
        assert answer.status_code == 201
    assert balance(wallet) == 90


def test_a_request_runs_again_under_another_key(alice: Any, wallet: Wallet) -> None:
    assert [pay(alice, wallet.pk, "10", key=key).status_code for key in ("k1", "k2")] == [201, 201]
    assert balance(wallet) == 80


@pytest.mark.parametrize("other", [{"amounts": ["11"]}, {"amounts": ["10"], "note": "new"}, {"amounts": [10]}])
def test_a_key_that_was_given_to_another_body_is_refused(alice: Any, wallet: Wallet, other: dict[str, Any]) -> None:
    assert pay(alice, wallet.pk, "10").status_code == 201
    refused(pay(alice, wallet.pk, **other), 422, "idempotency_key_reused")
    assert balance(wallet) == 90


def test_a_key_that_was_given_to_another_address_is_refused(alice: Any, wallet: Wallet) -> None:
    second = wallet_with(alice, "USD", "100")
    assert pay(alice, wallet.pk, "10").status_code == 201
    refused(pay(alice, second.pk, "10"), 422, "idempotency_key_reused")
    assert balance(second) == 100


def test_keys_are_kept_apart_by_user(alice: Any, mallory: Any, wallet: Wallet) -> None:
    first = pay(alice, wallet.pk, "10")
    hers = wallet_with(mallory, "USD", "100")
    answer = pay(mallory, hers.pk, "10")
    assert answer.json()["by"] == mallory.email
    assert "Idempotent-Replayed" not in answer.headers
    assert pay(mallory, hers.pk, "10").content == answer.content
    assert pay(alice, wallet.pk, "10").content == first.content != answer.content
    assert balance(wallet) == balance(hers) == 90


# --- refusals ---
def test_a_business_refusal_is_replayed_even_when_it_would_succeed_now(alice: Any, wallet: Wallet) -> None:
    first = refused(pay(alice, wallet.pk, "101"), 409, "insufficient_funds")
    book_transfer((clearing_wallet(), wallet.pk, "50"))
    again = refused(pay(alice, wallet.pk, "101"), 409, "insufficient_funds")
    assert first.content == again.content
    assert first.headers["Content-Type"] == again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert pay(alice, wallet.pk, "101", key="k2").status_code == 201


def test_a_refused_request_leaves_nothing_but_the_refusal(alice: Any, wallet: Wallet) -> None:
    postings = Posting.objects.count()
    refused(pay(alice, wallet.pk, "60", "60"), 409, "insufficient_funds")
    assert balance(wallet) == 100
    assert Posting.objects.count() == postings
    assert IdempotencyKey.objects.get().status == 409


@pytest.mark.parametrize("status", ERRORS)
def test_the_same_key_may_try_again_after_any_other_error(alice: Any, wallet: Wallet, status: str) -> None:
    PayView.failures.append(status)
    first = pay(alice, wallet.pk, "10")
    assert first.status_code == int(status)
    assert ("Retry-After" in first.headers) == (status == "503")
    assert not IdempotencyKey.objects.exists()
    assert balance(wallet) == 100
    again = pay(alice, wallet.pk, "10")
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again.headers
    assert balance(wallet) == 90


def test_no_key_is_stored_for_a_body_that_cannot_be_read(alice: Any, wallet: Wallet) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    answer = client.generic("POST", f"/pay/{wallet.pk}", "[", "application/json", headers={"Idempotency-Key": "k1"})
    refused(answer, 400, "malformed_json")
    assert not IdempotencyKey.objects.exists()


# --- twins ---
@pytest.mark.usefixtures("committed_db")
def test_one_of_many_twins_runs_and_all_are_answered_alike(alice: Any, wallet: Wallet) -> None:
    answers = at_once(*[lambda: pay(alice, wallet.pk, "10")] * 12)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert balance(wallet) == 90


@pytest.mark.usefixtures("committed_db")
def test_the_waiting_twin_runs_when_the_first_rolled_back(alice: Any, wallet: Wallet) -> None:
    PayView.failures.append("404")

    def second() -> Any:
        assert PayView.entered.wait(30)
        threading.Timer(0.3, PayView.may_go_on.set).start()
        return pay(alice, wallet.pk, "10", waits=True)

    first, then = at_once(lambda: pay(alice, wallet.pk, "10", waits=True), second)
    assert (first.status_code, then.status_code) == (404, 201)
    assert "Idempotent-Replayed" not in then.headers
    assert balance(wallet) == 90


@pytest.mark.usefixtures("committed_db")
def test_a_twin_is_told_when_to_come_back_rather_than_wait_for_ever(alice: Any, wallet: Wallet) -> None:
    def impatient() -> Any:
        assert PayView.entered.wait(30)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
            answer = pay(alice, wallet.pk, "10", waits=True)
            usual = connection.settings_dict["SESSION"]["lock_timeout"]
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [usual])
        PayView.may_go_on.set()
        return answer

    first, busy = at_once(lambda: pay(alice, wallet.pk, "10", waits=True), impatient)
    assert first.status_code == 201
    refused(busy, 503, "database_busy")
    assert int(busy.headers["Retry-After"]) >= 1
    assert pay(alice, wallet.pk, "10", waits=True).content == first.content
    assert balance(wallet) == 90


def test_the_idempotent_block_must_be_the_one_that_commits(alice: Any) -> None:
    def act() -> idempotency.RecordedAnswer:
        return idempotency.RecordedAnswer(201, "{}")

    def refuse(error: Exception) -> idempotency.RecordedAnswer:
        raise error

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        idempotency.answer_once(user_id=alice.pk, key="k1", request="x", act=act, refuse=refuse)


# --- what PostgreSQL holds ---
FINGERPRINT = "0" * 64


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        (("k1", FINGERPRINT, 201, "{}"), "idempotency_key_once"),
        (("", FINGERPRINT, 201, "{}"), "idempotency_key_visible_ascii"),
        (("a b", FINGERPRINT, 201, "{}"), "idempotency_key_visible_ascii"),
        (("k2", "x", 201, "{}"), "idempotency_fingerprint"),
        (("k2", FINGERPRINT, 201, ""), "idempotency_answer_is_whole"),
        (("k2", FINGERPRINT, 503, "{}"), "idempotency_answer_is_whole"),
        (("k2", FINGERPRINT, None, "{}"), "idempotency_answer_is_whole"),
    ],
)
def test_postgresql_refuses(alice: Any, values: tuple[Any, ...], constraint: str) -> None:
    recipes.idempotency_key.make(user=alice, key="k1")
    with pytest.raises(IntegrityError, match=constraint), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_idempotencykey (user_id, key, fingerprint, status, body) VALUES (%s, %s, %s, %s, %s)",
            [alice.pk, *values],
        )


# --- growing old ---
def test_old_keys_are_deleted_and_young_ones_stay(alice: Any) -> None:
    for key, days in (("old", 31), ("young", 29)):
        recipes.idempotency_key.make(user=alice, key=key, created_at=timezone.now() - timedelta(days=days))
    output = StringIO()
    call_command("prune_idempotency_keys", stdout=output)
    assert output.getvalue().startswith("1 ")
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["young"]


@pytest.mark.parametrize("days", ["0", "-1", "99999999999"])
def test_keys_that_may_still_be_repeated_are_not_deleted(days: str) -> None:
    with pytest.raises(CommandError):
        call_command("prune_idempotency_keys", older_than_days=int(days))


def test_a_key_goes_with_its_user(alice: Any) -> None:
    recipes.idempotency_key.make(user=alice, key="k1")
    alice.delete()
    assert not IdempotencyKey.objects.exists()


def test_a_replay_takes_few_queries(alice: Any, wallet: Wallet, django_assert_max_num_queries: Any) -> None:
    pay(alice, wallet.pk, "10")
    with django_assert_max_num_queries(5):  # count, savepoint, claim, read, release
        pay(alice, wallet.pk, "10")


def test_a_key_without_its_answer_is_never_taken_for_a_repeat(committed_db: None, alice: Any) -> None:
    """No code of ours commits one; whoever does by hand is told which it is."""

    def never(*_: Any) -> Any:
        raise AssertionError("it is no new request")

    request = "POST /pay"
    fingerprint = hashlib.sha256(request.encode()).hexdigest()
    key = recipes.idempotency_key.make(user=alice, key="k1", fingerprint=fingerprint, status=None, body="")
    assert str(key) == f"k1 of user {alice.pk}"
    with pytest.raises(RuntimeError, match=f"key {key.pk} was committed without its answer"):
        idempotency.answer_once(user_id=alice.pk, key="k1", request=request, act=never, refuse=never)
