"""/admin: what somebody changed since a page was shown is not overwritten, on any form; nor is an error JSON there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import models, transaction
from django.test import Client, RequestFactory

from accounts.models import User
from catalog.models import Product
from catalog.services import change_product
from payments.deliveries.services import change_endpoint
from payments.exchange.services import set_rate
from payments.ledger.services.currencies import change_currency
from payments.models import Currency, EventEndpoint, ExchangeRate, Provider
from payments.users.services import change_user, disable_user
from staff.stale_forms import GuardedAdmin
from tests.support.admin_forms import loaded, shown_field
from tests.support.admin_pages import staff_client
from tests.support.exchanges import store_rate
from tests.support.purchases import a_product
from tests.support.staff_site import MODEL_ADMINS, every_object, url
from tests.support.threads import closing_connection
from tests.support.waiting import someone_waits_for_a_lock, wait_until

CHANGES: dict[type[models.Model], tuple[Callable[[Any, User], Any], str]] = {
    User: (lambda user, staff: disable_user(user_id=user.pk, staff=staff), "is_active"),
    Currency: (lambda one, staff: change_currency(code=one.pk, staff=staff, is_active=False), "is_active"),
    Provider: (lambda one, _: Provider.objects.filter(pk=one.pk).update(is_active=False), "is_active"),
    Product: (lambda one, _: change_product(product_id=one.pk, is_active=False), "is_active"),
    ExchangeRate: (
        lambda one, staff: set_rate(
            source=one.source_currency_id, target=one.target_currency_id, rate=one.rate * 2, staff=staff, confirm=True
        ),
        "rate",
    ),
    EventEndpoint: (
        lambda one, staff: change_endpoint(endpoint_id=one.pk, data={"types": ["rate.changed"]}, staff=staff),
        "types",
    ),
}
#: Another field, that whoever holds the old page changes.
TYPED = {
    User: {"full_name": "Alice Cooper"},
    Currency: {"name": "Dollars"},
    Provider: {"max_amount": "5"},
    Product: {"title": "Ink"},
    ExchangeRate: {"origin": "Reuters"},
    EventEndpoint: {"description": "The warehouse"},
}


def editable(staff: User) -> list[type[models.Model]]:
    """Every model whose objects' pages this admin may change something on, found by asking the registry."""
    request = RequestFactory().get("/admin/")
    request.user = staff
    return [
        model
        for model, site in MODEL_ADMINS.items()
        if site.has_change_permission(request) and site.get_form(request, model(pk=1), change=True).base_fields
    ]


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def objects(alice: Any, admin: Any) -> dict[type[models.Model], Any]:
    return every_object(alice, admin) | {User: alice, Currency: Currency.objects.get(pk="JPY"), Product: a_product()}


def test_every_form_of_the_registry_is_guarded_and_tried_here(admin: Any) -> None:
    models = editable(admin)
    assert set(models) == set(CHANGES) == set(TYPED)
    assert all(isinstance(MODEL_ADMINS[model], GuardedAdmin) for model in models)


@pytest.mark.parametrize("model", CHANGES, ids=lambda model: model.__name__)
def test_an_old_page_overwrites_nothing(site: Client, admin: Any, objects: dict[type, Any], model: Any) -> None:
    target, (change, field) = objects[model], CHANGES[model]
    page = url(model, "change", target.pk)
    sent = loaded(site, page) | TYPED[model]
    change(target, admin)
    before = model.objects.filter(pk=target.pk).values().get()
    answer = site.post(page, sent)
    assert answer.status_code == 200
    [message] = answer.context["adminform"].form.errors["__all__"]
    assert message.startswith("This was changed meanwhile")
    assert f"{model._meta.get_field(field).verbose_name} " in message.replace("active no", "is active no")
    assert model.objects.filter(pk=target.pk).values().get() == before


@pytest.mark.parametrize("model", CHANGES, ids=lambda model: model.__name__)
def test_a_page_of_this_moment_is_saved(site: Client, objects: dict[type, Any], model: Any) -> None:
    page = url(model, "change", objects[model].pk)
    answer = site.post(page, loaded(site, page) | TYPED[model])
    assert answer.status_code == 302, answer.context["errors"]
    [(field, value)] = TYPED[model].items()
    saved = model.objects.filter(pk=objects[model].pk).values_list(field, flat=True).get()
    assert str(saved).removesuffix(".0000000000") == value


@pytest.mark.parametrize("wrong", ["", "0", "made up", "9" * 4000, "1795917149 name=0 name"])
def test_a_form_that_does_not_say_what_it_showed_changes_nothing(site: Client, wrong: str) -> None:
    page = url(Currency, "change", "USD")
    answer = site.post(page, loaded(site, page) | {"name": "Dollars", "shown": wrong})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert Currency.objects.get(pk="USD").name == "US dollar"


def test_a_program_that_was_shown_nothing_may_save(site: Client) -> None:
    page = url(Currency, "change", "USD")
    sent = loaded(site, page) | {"name": "Dollars"}
    del sent["shown"]
    assert site.post(page, sent).status_code == 302
    assert Currency.objects.get(pk="USD").name == "Dollars"


def test_a_stale_form_says_who_changed_what_and_when(site: Client, admin: Any, alice: Any) -> None:
    page = url(User, "change", alice.pk)
    sent = loaded(site, page) | {"full_name": "Alice Cooper"}
    change_user(user_id=alice.pk, staff=admin, email="new@example.com")
    [message] = site.post(page, sent).context["adminform"].form.errors["__all__"]
    when = LogEntry.objects.latest("pk").action_time
    assert (
        f"changed meanwhile by admin@example.com at {when:%Y-%m-%d %H:%M:%S} UTC. Now: email new@example.com."
        in message
    )


def test_a_rotated_secret_makes_a_page_old_and_is_not_said(site: Client) -> None:
    provider = Provider.objects.get(slug="sha1_colon")
    page = url(Provider, "change", provider.pk)
    sent = loaded(site, page) | {"secret": "x" * 40}
    theirs = loaded(site, page) | {"secret": "a-quite-long-secret-of-a-colleague-2026"}
    site.post(page, shown_field(site, page) | theirs)
    answer = site.post(page, sent)
    [message] = answer.context["adminform"].form.errors["__all__"]
    assert "another new secret" in message
    assert "colleague" not in answer.content.decode()
    assert Provider.objects.get(slug="sha1_colon").secret == "a-quite-long-secret-of-a-colleague-2026"


@pytest.mark.parametrize("model", [User, Product, ExchangeRate], ids=lambda model: model.__name__)
def test_a_page_waits_for_a_change_that_is_being_made(committed_db: None, alice: Any, admin: Any, model: Any) -> None:
    """What is compared stays so until it is saved: the form takes the row's lock first."""
    site, change = staff_client(admin), CHANGES[model][0]
    target = alice if model is User else a_product() if model is Product else store_rate()
    page = url(model, "change", target.pk)
    sent = loaded(site, page) | TYPED[model]
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            change(target, admin)
            saving = thread.submit(closing_connection, site.post, page, sent)
            wait_until(lambda: saving.done() or someone_waits_for_a_lock())
        answer = saving.result(30)
    assert answer.status_code == 200
    assert "changed meanwhile" in str(answer.context["adminform"].form.errors)


def test_no_form_is_broken_by_what_is_no_id(admin: User, site: Client) -> None:
    """Nobody can type it, but who holds a page can send it. Each field of the form takes it, or says that it cannot."""
    broken = {}
    for model in MODEL_ADMINS:
        page = site.get(url(model, "add"))
        if page.status_code == 200:
            sent = dict.fromkeys(page.context["adminform"].form.fields, "no id")
            broken[model] = site.post(url(model, "add"), sent).status_code
    assert len(broken) >= 6
    assert set(broken.values()) == {200}
