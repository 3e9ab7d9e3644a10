"""Providers by REST: what /admin offers, by the same services. A secret goes in and never comes out."""

import logging
from typing import Any

import pytest
from rest_framework.test import APIClient

from payments.models import Provider
from payments.webhooks import services
from payments.webhooks.presets import PRESETS
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client, staff_log_of
from tests.support.notices import ALICES, credit
from tests.support.rest import refused, signed_in, succeeded

URL = "/api/v1/providers"
OLD, NEW = "the-old-secret-of-acme-4711", "the-new-secret-of-acme-0815"
ACME = {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "secret": OLD}


@pytest.fixture
def api(admin: Any) -> APIClient:
    return signed_in(admin)


@pytest.fixture
def provider(admin: Any) -> Provider:
    provider = Provider(slug="acme", scheme="sha1_colon", currency_id="USD", secret=OLD)
    services.add_provider(provider=provider, staff=admin)
    return provider


def page(provider: Provider) -> str:
    return f"{URL}/{provider.pk}"


def change(api: APIClient, provider: Provider, **body: Any) -> Any:
    return api.patch(page(provider), body)


# --- adding ---
def test_a_provider_that_is_added_works_at_once(api: APIClient, django_capture_on_commit_callbacks: Any) -> None:
    assert provider_cache.get("acme") is None
    with django_capture_on_commit_callbacks(execute=True):
        body = succeeded(api.post(URL, ACME | {"max_amount": "100"}))
    known = provider_cache.get("acme")
    assert known is not None
    assert (known.secrets, known.max_amount) == ((OLD,), 100)
    provider_cache.invalidate()
    added = Provider.objects.get(slug="acme")
    assert body == {
        "id": added.pk, "slug": "acme", "scheme": "sha1_colon", "currency": "USD", "is_active": True,
        "requires_uuid": False, "max_amount": "100.00", "signature_header": "", "signature_algorithm": None,
        "signature_encoding": None, "signature_prefix": "", "transaction_id_pointer": "", "amount_pointer": "",
        "amount_unit": None, "user_pointer": "", "wallet_pointer": "", "currency_pointer": "", "event_type_pointer": "",
        "credited_types": [], "is_rotating": False, "updated_at": body["updated_at"],
    }  # fmt: skip
    assert "acme" in staff_log_of(added)[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_in_what_is_not_sent(api: APIClient, preset: str) -> None:
    data = {"preset": preset, "slug": f"my-{preset}", "currency": "USD", "secret": NEW, "credited_types": ["a", "b"]}
    body = succeeded(api.post(URL, data))
    expected = {**PRESETS[preset].values, "slug": f"my-{preset}", "credited_types": ["a", "b"]}
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": None}, "secret"),
        ({"secret": ""}, "secret"),
        ({"secret": "23-bytes-are-not-enough"}, "secret"),
        ({"secret": "ab" * 20}, "secret"),
        ({"secret": "whsec_c2hvcnQ=", "scheme": "standard_webhooks"}, "secret"),
        ({"slug": "Acme Inc"}, "slug"),
        ({"slug": "sha256_concat"}, "slug"),
        ({"slug": None}, "slug"),
        ({"scheme": "rot13"}, "scheme"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": 1}, "currency"),
        ({"max_amount": "0"}, "max_amount"),
        ({"max_amount": "-5"}, "max_amount"),
        ({"max_amount": "1e3"}, "max_amount"),
        ({"preset": "acme"}, "preset"),
        ({"amount_pointer": "/data/amount"}, "amount_pointer"),
        ({"preset": "stripe", "scheme": "stripe", "user_pointer": "no pointer"}, "user_pointer"),
        ({"preset": "stripe", "scheme": "stripe", "credited_types": ["a b"]}, "credited_types"),
        ({"preset": "stripe", "scheme": "stripe", "credited_types": ["charge.a", "payout.b"]}, "credited_types"),
        ({"preset": "paystack", "scheme": "hmac_body", "signature_header": "cookie"}, "signature_header"),
        ({"preset": "paystack", "scheme": "hmac_body", "signature_algorithm": "md5"}, "signature_algorithm"),
        ({"previous_secret": OLD}, "previous_secret"),
        ({"is_active": "yes"}, "is_active"),
    ],
)
def test_the_member_that_is_wrong_is_named(api: APIClient, changes: dict[str, Any], field: str) -> None:
    before = Provider.objects.count()
    answer = api.post(URL, ACME | changes)
    refused(answer, 400, "invalid_request", field)
    assert Provider.objects.count() == before
    assert str(changes.get("secret") or OLD) not in answer.content.decode()


def test_a_scheme_with_a_map_names_each_member_that_it_lacks(api: APIClient) -> None:
    body = refused(api.post(URL, ACME | {"scheme": "stripe"}), 400, "invalid_request")
    lacking = {"transaction_id_pointer", "amount_pointer", "user_pointer", "amount_unit"}
    assert {error["field"] for error in body["errors"]} == lacking


# --- changing ---
def test_a_change_reaches_this_worker_at_once(
    api: APIClient, provider: Provider, django_capture_on_commit_callbacks: Any
) -> None:
    provider_cache.invalidate()
    assert provider_cache.get("acme") is not None
    with django_capture_on_commit_callbacks(execute=True):
        assert succeeded(change(api, provider, is_active=False), 200)["is_active"] is False
    assert provider_cache.get("acme") is None
    provider_cache.invalidate()
    provider.refresh_from_db()
    assert (provider.is_active, provider.secret) == (False, OLD)
    assert staff_log_of(provider)[-1] == "Changed: is_active: True -> False."


def test_the_same_again_changes_and_notes_nothing(api: APIClient, provider: Provider) -> None:
    tag = succeeded(change(api, provider, max_amount="5"), 200) and api.get(page(provider)).headers["ETag"]
    logged = staff_log_of(provider)
    answer = change(api, provider, max_amount="5.00", slug="acme")
    assert (answer.headers["ETag"], staff_log_of(provider)) == (tag, logged)


def test_a_secret_begins_a_rotation_which_is_ended(api: APIClient, provider: Provider) -> None:
    assert succeeded(change(api, provider, secret=NEW), 200)["is_rotating"] is True
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, OLD)
    for _ in range(2):
        assert succeeded(api.post(f"{page(provider)}/end-rotation"), 200)["is_rotating"] is False
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, "")
    assert len(staff_log_of(provider)) == 3


def test_a_secret_may_end_the_old_one_at_once(api: APIClient, provider: Provider) -> None:
    assert succeeded(change(api, provider, secret=NEW, keep_old=False), 200)["is_rotating"] is False
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, "")


def test_a_secret_of_another_scheme_comes_with_the_scheme(api: APIClient, provider: Provider) -> None:
    standard = "whsec_0ZqYk3b7TtVxW9c2LmN8pRsUeHfJdA1gQ2w3E4r5T6Y="
    other = {"scheme": "standard_webhooks", "secret": standard}
    refused(change(api, provider, **other), 400, "invalid_request", "keep_old")
    assert succeeded(change(api, provider, **other, keep_old=False), 200)["scheme"] == "standard_webhooks"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scheme": "standard_webhooks"}, "secret"),
        ({"keep_old": True}, "keep_old"),
        ({"secret": "short"}, "secret"),
        ({"slug": "sha1_colon"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"currency": "XXX"}, "currency"),
        ({"preset": "stripe"}, "preset"),
        ({"id": 5}, "id"),
    ],
)
def test_a_change_that_is_wrong_changes_nothing(
    api: APIClient, provider: Provider, body: dict[str, Any], field: str
) -> None:
    before = Provider.objects.values().get(pk=provider.pk)
    refused(change(api, provider, **body), 400, "invalid_request", field)
    assert Provider.objects.values().get(pk=provider.pk) == before


def test_what_another_scheme_does_not_know_is_taken_away_with_null(api: APIClient) -> None:
    data = {"preset": "generic", "slug": "acme", "currency": "USD", "secret": NEW}
    added = succeeded(api.post(URL, data))
    address = f"{URL}/{added['id']}"
    refused(api.patch(address, {"scheme": "stripe"}), 400, "invalid_request", *added_by_a_signature())
    none = {"signature_header": "", "signature_algorithm": None, "signature_encoding": None}
    assert succeeded(api.patch(address, {"scheme": "stripe", **none}), 200)["signature_algorithm"] is None


def added_by_a_signature() -> list[str]:
    return ["signature_header", "signature_algorithm", "signature_encoding"]


def test_a_scheme_waits_for_the_end_of_a_rotation(api: APIClient, provider: Provider) -> None:
    change(api, provider, secret=NEW)
    refused(change(api, provider, scheme="sha256_concat"), 400, "invalid_request", "scheme")


# --- deleting ---
def test_only_what_never_sent_a_notice_is_deleted(api: APIClient, alice: Any, provider: Provider) -> None:
    assert api.delete(page(provider)).status_code == 204
    refused(api.delete(page(provider)), 404, "not_found")
    credit(alice, ALICES)
    used = Provider.objects.get(slug="sha1_colon")
    refused(api.delete(page(used)), 409, "provider_in_use")
    assert Provider.objects.filter(pk=used.pk).exists()


# --- reading ---
def test_no_answer_has_a_secret(api: APIClient, provider: Provider) -> None:
    change(api, provider, secret=NEW)
    for answer in (api.get(URL), api.get(page(provider)), change(api, provider, max_amount="7")):
        assert OLD not in answer.content.decode()
        assert NEW not in answer.content.decode()
        assert not any(name == "secret" for name in answer.json())


def test_the_list_is_by_slug_and_filtered(api: APIClient, provider: Provider) -> None:
    change(api, provider, is_active=False)
    rows = succeeded(api.get(URL), 200)["results"]
    assert [row["slug"] for row in rows] == sorted(row["slug"] for row in rows)
    for query in ("slug=acme", "is_active=false"):
        assert [row["slug"] for row in api.get(f"{URL}?{query}").json()["results"]] == ["acme"]
    assert {row["scheme"] for row in api.get(f"{URL}?scheme=sha1_colon").json()["results"]} == {"sha1_colon"}
    assert api.get(f"{URL}?currency=EUR").json()["results"] == []
    refused(api.get(f"{URL}?secret=the"), 400, "invalid_request")


# --- who ---
def test_who_may_credit_wallets_leaves_lines_in_the_security_log(
    api: APIClient, admin: Any, caplog: Any, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.INFO, logger="till.security")
    with django_capture_on_commit_callbacks(execute=True):
        id_ = api.post(URL, ACME).json()["id"]
        api.patch(f"{URL}/{id_}", {"secret": NEW})
        api.patch(f"{URL}/{id_}", {"is_active": False})
        api.post(f"{URL}/{id_}/end-rotation")
        api.delete(f"{URL}/{id_}")
    lines = [record for record in caplog.records if record.name == "till.security"]
    assert [line.event for line in lines] == [
        *("provider_added", "provider_secret_changed", "provider_changed", "provider_secret_changed"),
        "provider_deleted",
    ]
    assert {(line.provider, line.by) for line in lines} == {(id_, admin.pk)}
    assert OLD not in caplog.text
    assert NEW not in caplog.text


def test_a_form_that_is_open_is_old_after_a_new_secret_by_rest(api: APIClient, admin: Any, provider: Provider) -> None:
    site, form = staff_client(admin), f"/admin/payments/provider/{provider.pk}/change/"
    sent = loaded(site, form) | {"max_amount": "5"}
    change(api, provider, secret=NEW)
    answer = site.post(form, sent)
    assert "changed meanwhile" in str(answer.context["adminform"].form.errors)
    assert NEW not in answer.content.decode()
