"""Names we are asked by, in production: strangers' are refused, but not those of the machines beside us."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from tests.support.http import PLAIN
from tests.support.live import LiveTill, UncheckedTill
from tests.support.provider import FORMS

pytestmark = pytest.mark.slow

BESIDE = {"host": "10.0.0.7:8000"}


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["till.example.com"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/metrics"])
def test_production_answers_machines_beside_us_by_any_name_and_over_plain_http(client: Client, address: str) -> None:
    assert client.get(address, headers=BESIDE).status_code == 200


@pytest.mark.parametrize("address", ["/", "/metrics/", "/metricsx", "/docs/errors", "/api/v1/schema"])
def test_production_refuses_any_other_page_by_a_name_that_is_not_ours(client: Client, address: str) -> None:
    answer = client.get(address, headers=BESIDE, secure=True)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("address", ["/", "/metricsx", "/docs/errors"])
def test_production_redirects_any_other_page_to_https(client: Client, address: str) -> None:
    answer = client.get(address, headers={"host": "till.example.com"})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://till.example.com{address}"


@pytest.fixture
def behind_tls(committed_db: None) -> Iterator[LiveTill]:
    till = UncheckedTill(TILL_SSL_REDIRECT="1", TILL_TRUSTED_PROXIES="1", TILL_WORKERS="1")
    till.start()
    yield till
    till.stop()


def test_production_takes_webhooks_by_any_name_and_over_plain_http(behind_tls: LiveTill, alice: Any) -> None:
    """The signature is what counts, and a redirect would lose a notice (docs/operations.md)."""
    stranger = {"host": "stranger.example"}
    assert httpx.get(f"{behind_tls.url}/", headers=stranger, verify=PLAIN).status_code == 400
    assert httpx.get(f"{behind_tls.url}/", verify=PLAIN).status_code == 301
    for form in FORMS:
        notice = form.notice(user_id=alice.pk)
        headers = {**notice.headers, **stranger}
        answer = httpx.post(behind_tls.url + notice.path, content=notice.body, headers=headers, verify=PLAIN)
        assert (answer.status_code, answer.json()["status"]) == (200, "credited")
