"""If-Match and If-None-Match: REST overwrites nothing that was changed since it was read, and no form what REST did."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from django.db import models, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from payments.commission.rules import end_rule
from payments.ledger.services.currencies import change_currency
from payments.models import CommissionRule, Currency, Provider
from payments.users.services import change_user
from payments.webhooks.services import rotate_secret
from tests.support import recipes
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client
from tests.support.ledger import wallet_with
from tests.support.notices import credit
from tests.support.orders import make_rule
from tests.support.rest import refused, signed_in
from tests.support.staff_site import url
from tests.support.threads import closing_connection
from tests.support.waiting import someone_waits_for_a_lock, wait_until

pytestmark = pytest.mark.postgres

NEW = "a new secret of the two of us"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class Resource(NamedTuple):
    """Where it is, what is sent to change it, and how a colleague changes it meanwhile."""

    path: str
    body: dict[str, Any]
    change: Callable[[Any, User], Any]
    #: Further requests that change it: the method, what follows the path, the body.
    others: tuple[tuple[str, str, Any], ...] = ()


RESOURCES: dict[type[models.Model], Resource] = {
    User: Resource(
        "users",
        {"full_name": "Alice Cooper"},
        lambda user, staff: change_user(user_id=user.pk, staff=staff, full_name="Alice Liddell"),
        (
            ("put", "", {"email": "new@example.com"}),
            ("delete", "", None),
            ("post", "/enable", None),
            ("post", "/disable", None),
        ),
    ),
    Currency: Resource(
        "currencies", {"name": "Dollars"}, lambda one, staff: change_currency(code=one.pk, staff=staff, name="Bucks")
    ),
    CommissionRule: Resource(
        "commission-rules",
        {"valid_until": None},
        lambda rule, staff: end_rule(rule_id=rule.pk, valid_until=LATER, staff=staff),
        (("delete", "", None),),
    ),
    Provider: Resource(
        "providers",
        {"max_amount": "5"},
        lambda provider, staff: rotate_secret(provider_id=provider.pk, secret="x" + NEW, keep_old=True, staff=staff),
        (("delete", "", None), ("post", "/end-rotation", None)),
    ),
}
EVERY = pytest.mark.parametrize("model", RESOURCES, ids=lambda model: model.__name__)
#: Every request that changes something.
WRITES = [
    pytest.param(model, method, after, body, id=f"{method} {resource.path}{after}")
    for model, resource in RESOURCES.items()
    for method, after, body in (("patch", "", resource.body), *resource.others)
]


@pytest.fixture
def objects(alice: Any, admin: Any) -> dict[type[models.Model], Any]:
    return targets(alice, admin)


def targets(alice: Any, admin: Any) -> dict[type[models.Model], Any]:
    return {
        User: alice,
        Currency: Currency.objects.get(pk="USD"),
        CommissionRule: make_rule(admin),
        Provider: recipes.provider.make(),
    }


@pytest.fixture
def api(admin: Any) -> APIClient:
    return signed_in(admin)


def address(model: Any, target: Any) -> str:
    return f"/api/v1/{RESOURCES[model].path}/{target.pk}"


def read(api: APIClient, path: str) -> Any:
    answer = api.get(path)
    assert answer.status_code == 200
    return answer


@pytest.mark.parametrize(("model", "method", "after", "body"), WRITES)
def test_what_was_changed_since_it_was_read_is_refused(
    api: APIClient, admin: Any, objects: Any, model: Any, method: str, after: str, body: Any
) -> None:
    path, target = address(model, objects[model]), objects[model]
    tag = read(api, path).headers["ETag"]
    RESOURCES[model].change(target, admin)
    before = model.objects.filter(pk=target.pk).values().get()
    refused(getattr(api, method)(path + after, body, headers={"If-Match": tag}), 412, "precondition_failed")
    refused(getattr(api, method)(path + after, body, headers={"If-Match": ""}), 412, "precondition_failed")
    assert model.objects.filter(pk=target.pk).values().get() == before


@pytest.mark.parametrize(("model", "method", "after", "body"), WRITES)
@pytest.mark.parametrize("form", ["{}", "W/{}", "*", '"other", {}'])
def test_what_was_not_changed_since_is_changed(
    api: APIClient, objects: Any, model: Any, method: str, after: str, body: Any, form: str
) -> None:
    path = address(model, objects[model])
    tag = form.format(read(api, path).headers["ETag"])
    answer = getattr(api, method)(path + after, body, headers={"If-Match": tag})
    assert answer.status_code in (200, 204), answer.content
    if answer.status_code == 200:
        assert answer.headers["ETag"] == read(api, path).headers["ETag"]


@EVERY
def test_what_the_client_holds_is_304_until_it_changes(api: APIClient, admin: Any, objects: Any, model: Any) -> None:
    path = address(model, objects[model])
    tag = read(api, path).headers["ETag"]
    again = api.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    RESOURCES[model].change(objects[model], admin)
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_what_was_just_made_has_the_tag_of_its_page(api: APIClient) -> None:
    made_user = api.post("/api/v1/users", {"email": "new@example.com", "is_active": False})
    page = read(api, f"/api/v1/users/{made_user.json()['id']}")
    assert made_user.headers["ETag"] == page.headers["ETag"]
    rule = api.post("/api/v1/commission-rules", {"operation": "deposit", "currency": "USD", "percent": "1.50"})
    assert rule.headers["ETag"] == read(api, f"/api/v1/commission-rules/{rule.json()['id']}").headers["ETag"]
    opened = api.post("/api/v1/currencies", {"code": "CHF", "name": "Franc", "decimal_places": 2})
    assert opened.headers["ETag"] == read(api, "/api/v1/currencies/CHF").headers["ETag"]
    acme = {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "secret": NEW, "max_amount": "5.00"}
    added = api.post("/api/v1/providers", acme)
    assert added.headers["ETag"] == read(api, f"/api/v1/providers/{added.json()['id']}").headers["ETag"]


def test_a_balance_that_moves_is_never_304_and_lets_an_admin_go_on(api: APIClient, alice: Any) -> None:
    wallet, path = wallet_with(alice, "USD", "5"), f"/api/v1/users/{alice.pk}"
    tag = read(api, path).headers["ETag"]
    credit(alice, wallet.pk, "1")
    now = api.get(path, headers={"If-None-Match": tag})
    assert now.status_code == 200
    assert now.json()["wallets"][0]["balance"] == "6.00"
    assert api.patch(path, {"full_name": "Alice Cooper"}, headers={"If-Match": tag}).status_code == 200


def test_a_browser_keeps_no_copy_of_a_user(api: APIClient, alice: Any) -> None:
    assert read(api, f"/api/v1/users/{alice.pk}").headers["Cache-Control"] == "no-store"
    assert read(api, "/api/v1/currencies/USD").headers["Cache-Control"] == "private, no-cache"


def test_a_disabled_user_who_was_not_active_before_has_another_version(api: APIClient) -> None:
    created = api.post("/api/v1/users", {"email": "new@example.com", "is_active": False})
    path = f"/api/v1/users/{created.json()['id']}"
    api.post(f"{path}/disable")
    answer = api.post(f"{path}/enable", headers={"If-Match": created.headers["ETag"]})
    refused(answer, 412, "precondition_failed")


# --- the staff site ---
FORMS: dict[type[models.Model], dict[str, str]] = {
    User: {"full_name": "Alice Pleasance"},
    Currency: {"name": "Money"},
    Provider: {"max_amount": "7"},
}


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.mark.parametrize("model", FORMS, ids=lambda model: model.__name__)
def test_a_change_by_rest_makes_an_open_form_old(api: APIClient, site: Client, objects: Any, model: Any) -> None:
    page = url(model, "change", objects[model].pk)
    sent = loaded(site, page) | FORMS[model]
    assert api.patch(address(model, objects[model]), RESOURCES[model].body).status_code == 200
    answer = site.post(page, sent)
    assert "changed meanwhile" in str(answer.context["adminform"].form.errors)


@pytest.mark.parametrize("model", FORMS, ids=lambda model: model.__name__)
def test_a_form_that_is_saved_makes_a_tag_old(api: APIClient, site: Client, objects: Any, model: Any) -> None:
    path, page = address(model, objects[model]), url(model, "change", objects[model].pk)
    tag = read(api, path).headers["ETag"]
    assert site.post(page, loaded(site, page) | FORMS[model]).status_code == 302
    refused(api.patch(path, RESOURCES[model].body, headers={"If-Match": tag}), 412, "precondition_failed")


@pytest.fixture
def seeds_as_before(committed_db: None) -> Iterator[None]:
    """Currencies and providers stay when the tables are emptied."""
    name, providers = Currency.objects.get(pk="USD").name, list(Provider.objects.values_list("pk", flat=True))
    yield
    Currency.objects.filter(pk="USD").update(name=name)
    Provider.objects.exclude(pk__in=providers).delete()


@EVERY
@pytest.mark.usefixtures("seeds_as_before")
def test_a_tag_is_compared_under_the_lock(committed_db: None, alice: Any, admin: Any, model: Any) -> None:
    """Of two who hold the same tag, the second is refused, even if both send at the same moment."""
    target = targets(alice, admin)[model]
    path, api = address(model, target), signed_in(admin)
    tag = {"If-Match": read(api, path).headers["ETag"]}
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            RESOURCES[model].change(target, admin)
            sending = thread.submit(closing_connection, lambda: api.patch(path, RESOURCES[model].body, headers=tag))
            wait_until(lambda: sending.done() or someone_waits_for_a_lock())
        refused(sending.result(30), 412, "precondition_failed")
