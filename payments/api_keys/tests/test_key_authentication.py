"""A key is accepted in the place of an access token, and refused without telling a stranger why."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import ApiKey, Role, User
from payments.api_keys.services import NewKey, revoke_key
from payments.api_keys.tests.conftest import ME, MakeKey, sending
from payments.models import Deposit
from payments.orders.services import request_deposit
from tests.support.ledger import wallet_with
from tests.support.rest import new_key, refused, succeeded

pytestmark = pytest.mark.django_db


def test_a_key_stands_for_its_service(api_key: NewKey, service: User) -> None:
    assert succeeded(sending(api_key.text).get(ME), 200)["id"] == service.pk
    assert sending(api_key.text).head(ME).status_code == 200


def test_a_key_settles(api_key: NewKey, alice: User) -> None:
    wallet = wallet_with(alice, "USD", "0.01")
    deposit = request_deposit(user_id=alice.pk, wallet_id=wallet.pk, amount=Decimal("10.00"))
    paid = sending(api_key.text).put(f"/api/v1/deposits/{deposit.pk}/status", {"status": "paid"})
    assert succeeded(paid, 200)["status"] == "paid"
    assert Deposit.objects.get().settled_by_id == api_key.key.user_id


def test_a_key_costs_one_query_by_an_index(api_key: NewKey) -> None:
    client = sending(api_key.text)
    client.get(ME)  # which notes the use
    with CaptureQueriesContext(connection) as captured:
        client.get(ME)
    [query] = captured.captured_queries
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {query['sql']}")
        assert "accounts_apikey_prefix_unique" in str(cursor.fetchall())


@pytest.mark.parametrize("raw", ["till_", "till_a_b", "till_é", "till_" + "a" * 10_000, "till_aaaaaaaaaa_\x7f"])
def test_what_is_no_key_is_refused(raw: str) -> None:
    answer = sending(raw).get(ME)
    refused(answer, 401, "api_key_invalid")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_an_unknown_prefix_and_a_wrong_secret_get_one_answer_by_the_same_steps(api_key: NewKey) -> None:
    start, prefix, secret = api_key.text.split("_")
    sending("till_nobodys").get(ME)  # which begins the counter of failures
    outcomes = []
    for text in (f"{start}_{prefix}_{secret[::-1]}", f"{start}_{prefix[::-1]}_{secret}"):
        with CaptureQueriesContext(connection) as captured:
            answer = sending(text).get(ME)
        outcomes.append((answer.status_code, answer.content, len(captured)))
    assert outcomes[0] == outcomes[1]
    refused(answer, 401, "api_key_invalid")


def test_tokens_and_keys_never_look_for_each_other(api_key: NewKey, service: User) -> None:
    login = tokens.open_family(user=service).access
    for token, table, other in (
        (login, "accounts_tokenfamily", "accounts_apikey"),
        (api_key.text, "accounts_apikey", "accounts_tokenfamily"),
    ):
        with CaptureQueriesContext(connection) as captured:
            assert sending(token).get(ME).status_code == 200
        texts = [query["sql"] for query in captured.captured_queries]
        assert any(table in text for text in texts)
        assert not any(other in text for text in texts)


# --- what ends a key ----------------------------------------------------------------------------------------


def revoke(key: ApiKey, admin: User) -> None:
    revoke_key(key_id=key.pk, staff=admin)


def expire(key: ApiKey, _: User) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())


def disable(key: ApiKey, admin: User) -> None:
    services.disable_user(user_id=key.user_id, by=admin)


def demote(key: ApiKey, admin: User) -> None:
    services.set_role(user_id=key.user_id, role=Role.USER, by=admin)


def promote(key: ApiKey, admin: User) -> None:
    services.set_role(user_id=key.user_id, role=Role.ADMIN, by=admin)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (revoke, "api_key_revoked"),
        (expire, "api_key_expired"),
        (disable, "api_key_user_inactive"),
        (demote, "api_key_user_inactive"),
        (promote, "api_key_user_inactive"),
    ],
)
def test_a_key_ends_at_once(api_key: NewKey, admin: User, end: Callable[[ApiKey, User], None], code: str) -> None:
    assert sending(api_key.text).get(ME).status_code == 200
    end(api_key.key, admin)
    answer = sending(api_key.text).get(ME)
    refused(answer, 401, code)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    start, prefix, secret = api_key.text.split("_")
    refused(sending(f"{start}_{prefix}_{secret[::-1]}").get(ME), 401, "api_key_invalid")  # a stranger learns nothing


@pytest.mark.parametrize(
    ("networks", "address", "is_allowed"),
    [
        (["203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.0/24"], "203.0.114.9", False),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["203.0.113.7", "2001:db8::/48"], "2001:db8:0:9::1", True),
        (["203.0.113.7"], "203.0.113.8", False),
        (["203.0.113.7"], "", False),
        (["0.0.0.0/0"], "198.51.100.1", True),
    ],
)
def test_a_key_is_used_from_its_networks(
    make_key: MakeKey, networks: list[str], address: str, is_allowed: bool
) -> None:
    answer = sending(make_key(networks=networks).text).get(ME, REMOTE_ADDR=address)
    if is_allowed:
        succeeded(answer, 200)
    else:
        refused(answer, 403, "network_not_allowed")


def test_a_forged_header_is_no_address(make_key: MakeKey, settings: Any) -> None:
    client = sending(make_key(networks=["203.0.113.0/24"]).text)
    forwarded: Any = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.1", "REMOTE_ADDR": "10.0.0.1"}
    refused(client.get(ME, **forwarded), 403, "network_not_allowed")
    settings.TILL_TRUSTED_PROXIES = 1
    refused(client.get(ME, **forwarded), 403, "network_not_allowed")
    settings.TILL_TRUSTED_PROXIES = 2
    succeeded(client.get(ME, **forwarded), 200)


# --- what a key never does ----------------------------------------------------------------------------------


def test_a_key_lacks_what_its_scopes_do_not_name(make_key: MakeKey) -> None:
    answer = sending(make_key(scopes=["deposits:read"]).text).get(ME)
    assert refused(answer, 403, "scope_required")["scope"] == "me:read"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="me:read"'


@pytest.mark.parametrize("path", ["auth/password", "api-keys", "deposits", "wallets"])
def test_a_key_is_refused_where_keys_are(api_key: NewKey, path: str) -> None:
    answer = sending(api_key.text).post(f"/api/v1/{path}", {}, headers=new_key())
    refused(answer, 403, "closed_to_api_keys")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


def test_a_key_opens_neither_the_staff_site_nor_the_metrics(api_key: NewKey, settings: Any) -> None:
    settings.TILL_METRICS_TOKEN = "a token of the metrics' own"
    header = {"Authorization": f"Bearer {api_key.text}"}
    assert Client().get("/admin/accounts/apikey/", headers=header).status_code == 302
    assert Client().get("/metrics", headers=header).status_code == 401


# --- its last use -------------------------------------------------------------------------------------------


def last_used(key: ApiKey) -> Any:
    return ApiKey.objects.values_list("last_used_at", flat=True).get(pk=key.pk)


def test_a_key_says_when_it_was_last_used_to_a_minute(api_key: NewKey) -> None:
    sending(api_key.text).get(ME)
    first = last_used(api_key.key)
    assert timezone.now() - first < timedelta(minutes=1)
    sending(api_key.text).get(ME)
    assert last_used(api_key.key) == first
    ApiKey.objects.filter(pk=api_key.key.pk).update(last_used_at=first - timedelta(minutes=1))
    sending(api_key.text).get(ME)
    assert last_used(api_key.key) >= first


def test_a_refused_use_is_none(api_key: NewKey) -> None:
    sending(api_key.text).post("/api/v1/wallets", {"currency": "USD"})
    assert last_used(api_key.key) is None


def test_a_use_that_cannot_be_noted_fails_no_request(api_key: NewKey, caplog: pytest.LogCaptureFixture) -> None:
    def fail_to_note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "UPDATE accounts_apikey" in sql:
            raise DatabaseError("cannot execute UPDATE in a read-only transaction")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_to_note):
        assert sending(api_key.text).get(ME).status_code == 200
    assert api_key.key.prefix in caplog.text
    assert api_key.text not in caplog.text


# --- throttle and log ---------------------------------------------------------------------------------------


def test_failures_are_throttled_as_logins_are_and_good_keys_are_not(api_key: NewKey, settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"login": "2/min"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    answers = [sending("till_nobodys").get(ME) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    login = APIClient().post("/api/v1/auth/login", {"email": "nobody@example.com", "password": "wrong horse 42"})
    assert login.status_code == 429
    assert [sending(api_key.text).get(ME).status_code for _ in range(3)] == [200, 200, 200]


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is on the logger `till.security`."""
    written: list[dict[str, Any]] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            names = ("event", "user_id", "by", "network", "key", "why", "scope", "scopes", "route")
            written.append({name: vars(record)[name] for name in names if name in vars(record)})

    handler, logger = Keeper(), logging.getLogger("till.security")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)


def test_each_use_failure_and_refusal_leaves_a_line(api_key: NewKey, lines: list[dict[str, Any]]) -> None:
    whose = {"user_id": api_key.key.user_id, "key": api_key.key.prefix, "network": "127.0.0.0/24"}
    sending(api_key.text).get(ME)
    sending(api_key.text[:-1] + "_").get(ME)
    sending(api_key.text).get("/api/v1/transfers")
    assert lines == [
        {"event": "api_key_used", "scope": "me:read", **whose},
        {"event": "api_key_failed", "network": "127.0.0.0/24"},
        {"event": "api_key_refused", "why": "closed", **whose},
        {"event": "refused", "route": "api/v1/transfers$", "network": "127.0.0.0/24"},
    ]
    assert api_key.text.rpartition("_")[2] not in str(lines)


def test_each_change_leaves_a_line(
    make_key: MakeKey, admin: User, lines: list[dict[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        key = make_key().key
        revoke_key(key_id=key.pk, staff=admin)
        revoke_key(key_id=key.pk, staff=admin)
    assert lines == [
        {
            "event": "api_key_created",
            "user_id": key.user_id,
            "key": key.prefix,
            "scopes": "deposits:read,deposits:settle,me:read",
        },
        {"event": "api_key_revoked", "user_id": key.user_id, "key": key.prefix},
    ]


def test_what_a_key_opens_its_service_may_not_with_a_token(make_key: MakeKey, service: User, alice: User) -> None:
    wallet = wallet_with(alice, "USD", "10")
    page, key = f"/api/v1/wallets/{wallet.pk}", make_key(scopes=["wallets:read"])
    assert succeeded(sending(key.text).get(page), 200)["balance"] == "10.00"
    refused(sending(tokens.open_family(user=service).access).get(page), 403, "permission_denied")
    refused(sending(key.text).patch(page, {"may_overdraw": True}), 403, "closed_to_api_keys")


def test_a_key_follows_the_feed(make_key: MakeKey, service: User, alice: User) -> None:
    wallet = wallet_with(alice, "USD", "10")
    key = make_key(scopes=["events:read"])
    feed = succeeded(sending(key.text).get("/api/v1/events", {"types": "wallet.credited"}), 200)
    assert [event["data"]["wallet"] for event in feed["results"]] == [wallet.pk]
    one = sending(key.text).get(f"/api/v1/events/{feed['results'][0]['position']}")
    assert succeeded(one, 200) == feed["results"][0]
    refused(sending(tokens.open_family(user=service).access).get("/api/v1/events"), 403, "permission_denied")


def test_a_scope_that_opens_no_more_shows_no_more(make_key: MakeKey, service: User, alice: User) -> None:
    """The scopes beside it do not matter: each request has what its own operation needs."""
    wallet = wallet_with(alice, "USD", "10")
    client = sending(make_key(scopes=["me:read", "deposits:read", "wallets:read", "transactions:read"]).text)
    assert client.get(f"/api/v1/wallets/{wallet.pk}").status_code == 200
    own = succeeded(client.get(ME, {"include": "wallets,transactions"}), 200)
    assert (own["id"], own["wallets"], own["transactions"]) == (service.pk, [], [])
    refused(client.get("/api/v1/deposits", {"user": alice.pk}), 400, "invalid_request")
