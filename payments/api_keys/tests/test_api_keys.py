"""Admins make keys, see them and revoke them. A key is one once and kept nowhere."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from payments.api_keys.services import NewKey
from payments.api_keys.tests.conftest import ME, MakeKey, sending
from payments.users.services import delete_user
from tests.support.rest import ids, refused, signed_in, succeeded
from tests.support.stored_rows import stored

pytestmark = pytest.mark.django_db

URL = "/api/v1/api-keys"


def make(admin: User, service: User, **changes: Any) -> Any:
    return signed_in(admin).post(URL, {"user": service.pk, "name": "Settlement", "scopes": ["me:read"]} | changes)


def test_a_key_is_made_and_shown_once(admin: User, service: User) -> None:
    end = "2099-01-31T00:00:00Z"
    answer = make(admin, service, networks=["203.0.113.7", "2001:db8::/48"], expires_at=end)
    body = succeeded(answer)
    assert re.fullmatch("till_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}", body["key"])
    assert body["key"].split("_")[1] == body["prefix"]
    assert body["networks"] == ["203.0.113.7/32", "2001:db8::/48"]
    address = answer["Location"]
    assert address.endswith(f"{URL}/{body['id']}")
    one = succeeded(signed_in(admin).get(address), 200)
    assert one == {name: value for name, value in body.items() if name != "key"}
    assert (one["user"], one["created_by"], one["expires_at"]) == (service.pk, admin.pk, end)
    secret = body["key"].rpartition("_")[2]
    assert not [row for row in stored() if secret in row[1]]
    assert ApiKey.objects.get().digest == hashlib.sha256(body["key"].encode()).hexdigest()


def test_two_keys_are_never_alike(make_key: MakeKey) -> None:
    keys = [make_key() for _ in range(3)]
    assert len({text.split("_")[1] for _, text in keys}) == len({text.split("_")[2] for _, text in keys}) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"networks": ["203.0.113.7/24"]}, "networks"),
        ({"networks": ["example.com"]}, "networks"),
        ({"networks": ["fe80::1%eth0"]}, "networks"),
        ({"networks": [f"fe80::1%{'z' * 35}"]}, "networks"),
        ({"networks": ["203.0.113.7"] * 21}, "networks"),
        ({"expires_at": "2001-01-31T00:00:00Z"}, "expires_at"),
        ({"key": "till_mine"}, "key"),
    ],
)
def test_impossible_terms_are_refused_by_name(admin: User, service: User, changes: dict[str, Any], field: str) -> None:
    refused(make(admin, service, **changes), 400, "invalid_request", field)
    assert not ApiKey.objects.exists()


def test_only_services_have_keys(admin: User, service: User, alice: User) -> None:
    for user in (alice, admin):
        refused(make(admin, user), 422, "not_a_service")
    service.pk = 987_654_321
    refused(make(admin, service), 404, "user_not_found")


def test_admins_list_and_revoke_keys(admin: User, service: User, make_key: MakeKey) -> None:
    first, second = make_key(), make_key()
    site = signed_in(admin)
    assert ids(site.get(URL)) == [second.key.pk, first.key.pk]
    assert ids(site.get(URL, {"user": service.pk, "limit": 1})) == [second.key.pk]
    assert ids(site.get(URL, {"user": admin.pk})) == []
    for _ in range(2):
        assert site.delete(f"{URL}/{first.key.pk}").status_code == 204
    assert succeeded(site.get(f"{URL}/{first.key.pk}"), 200)["revoked_at"]
    assert sending(first.text).get(ME).status_code == 401
    assert sending(second.text).get(ME).status_code == 200
    refused(site.delete(f"{URL}/987654321"), 404, "not_found")


def test_the_history_says_who_made_and_revoked_a_key(admin: User, api_key: NewKey) -> None:
    for _ in range(2):
        signed_in(admin).delete(f"{URL}/{api_key.key.pk}")
    entries = LogEntry.objects.filter(object_id=str(api_key.key.pk), user=admin).order_by("pk")
    first, second = [entry.change_message for entry in entries]
    assert first == "Made for service@example.com: deposits:read, deposits:settle, me:read."
    assert second == "Revoked."


def test_a_service_with_keys_is_anonymised_and_the_keys_stay(admin: User, api_key: NewKey) -> None:
    delete_user(user_id=api_key.key.user_id, staff=admin)
    assert ApiKey.objects.get().user.is_deleted
    refused(sending(api_key.text).get(ME), 401, "api_key_user_inactive")


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("accounts_apikey_digest", "digest = 'till_aaaaaaaaaa_secret'"),
        ("accounts_apikey_has_scopes", "scopes = '{}'"),
        ("accounts_apikey_prefix_unique", "prefix = (SELECT max(prefix) FROM accounts_apikey)"),
    ],
)
def test_postgresql_refuses_to_store(make_key: MakeKey, constraint: str, change: str) -> None:
    make_key(), make_key()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_apikey SET {change}")  # noqa: S608


def test_an_end_that_is_to_come_is_taken(make_key: MakeKey) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    assert sending(make_key(expires_at=soon).text).get(ME).status_code == 200


@pytest.mark.parametrize("moment", ["NULL", "now() + interval '1 day'"])
def test_postgresql_lets_no_revoked_key_be_good_again(admin: User, api_key: NewKey, moment: str) -> None:
    signed_in(admin).delete(f"{URL}/{api_key.key.pk}")
    with pytest.raises(IntegrityError, match="stays revoked"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_apikey SET revoked_at = {moment} WHERE id = %s", [api_key.key.pk])  # noqa: S608
    assert sending(api_key.text).get(ME).status_code == 401
