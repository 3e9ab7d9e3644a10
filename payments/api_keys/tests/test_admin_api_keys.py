"""The staff site's pages of API keys."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import ApiKey, User
from payments.api_keys.services import NewKey
from payments.api_keys.tests.conftest import ME, sending
from tests.support.admin_pages import staff_client

pytestmark = pytest.mark.django_db

URL = "/admin/accounts/apikey/"


@pytest.fixture
def site(admin: User) -> Client:
    return staff_client(admin)


def add(site: Client, service: User, **changes: Any) -> Any:
    fields = {"user": service.pk, "name": "Settlement", "scopes": ["me:read"], "networks": "203.0.113.0/24\n::1"}
    return site.post(f"{URL}add/", fields | {"expires_at_0": "", "expires_at_1": ""} | changes)


def test_staff_make_a_key_and_see_it_once(site: Client, service: User) -> None:
    page = add(site, service)
    text = page.context["text"]
    assert page.status_code == 200
    assert f'<code id="till-made-secret">{text}</code>' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.get()
    assert key.networks == ["203.0.113.0/24", "::1/128"]
    for address in (URL, f"{URL}{key.pk}/change/", f"{URL}{key.pk}/history/", f"{URL}export/"):
        answer = site.get(address)
        page = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert key.prefix in page.decode()
        assert text.rpartition("_")[2] not in page.decode()
        assert key.digest not in page.decode()
    assert sending(text).get(ME, REMOTE_ADDR="::1").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"networks": "203.0.113.7/24"}, "networks"),
        ({"networks": f"fe80::1%{'z' * 90}"}, "networks"),
        ({"expires_at_0": "2001-01-31", "expires_at_1": "00:00"}, "expires_at"),
        ({"name": ""}, "name"),
    ],
)
def test_impossible_terms_are_errors_of_the_form(site: Client, service: User, changes: Any, field: str) -> None:
    answer = add(site, service, **changes)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ApiKey.objects.exists()


def test_the_form_offers_services_only(site: Client, service: User, alice: User) -> None:
    page = site.get(f"{URL}add/").content.decode()
    assert service.email in page
    assert alice.email not in page
    assert add(site, alice).context["adminform"].form.errors


def test_staff_revoke_a_key_with_a_reason(site: Client, api_key: NewKey) -> None:
    address = f"{URL}revoke/?id={api_key.key.pk}"
    assert address in site.get(f"{URL}{api_key.key.pk}/change/").content.decode()
    assert api_key.key.prefix in site.get(address).content.decode()
    assert site.post(address, {"reason": ""}).status_code == 200
    assert sending(api_key.text).get(ME).status_code == 200
    assert site.post(address, {"reason": "It leaked."}).status_code == 302
    assert sending(api_key.text).get(ME).status_code == 401
    assert LogEntry.objects.latest("pk").change_message == "Revoked. Reason: It leaked."
    assert address not in site.get(f"{URL}{api_key.key.pk}/change/").content.decode()


def test_nobody_changes_or_deletes_a_key(site: Client, api_key: NewKey) -> None:
    page = f"{URL}{api_key.key.pk}/"
    assert site.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    changes = {"name": "Another", "scopes": ["withdrawals:settle"]}
    assert site.post(f"{page}change/", changes).status_code == 403


def test_no_list_spells_a_digest_out(site: Client, api_key: NewKey) -> None:
    assert site.get(f"{URL}?digest__startswith=a").status_code == 400
    assert site.get(f"{URL}?q={api_key.key.digest}").context["cl"].result_count == 0


def test_whoever_may_only_look_makes_none(service: User, bob: User, api_key: NewKey) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    site = staff_client(bob)
    page = site.get(f"{URL}{api_key.key.pk}/change/")
    assert page.status_code == 200
    assert api_key.key.digest not in page.content.decode()
    assert add(site, service).status_code == 403
    assert site.post(f"{URL}revoke/?id={api_key.key.pk}", {"reason": "No."}).status_code == 403
