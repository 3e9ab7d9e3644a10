"""Whatever staff do is in the staff log, and in the log `till.staff`: who, to what, and what it was and is."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import ApiKey, Role, User
from catalog.models import Product
from payments.models import CommissionRule, EventEndpoint, ExchangeRate, Provider, SettlementScope
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client
from tests.support.every_operation import OperationContext, OwnedObjects, new_user, operations, perform
from tests.support.exchanges import store_rate
from tests.support.operation_table import CALLS, ROWS
from tests.support.purchases import a_product
from tests.support.rest import signed_in
from tests.support.staff_site import MODEL_ADMINS
from tests.support.threads import in_another_thread


def admins_only() -> list[str]:
    """The operations that write, and that no user may call."""
    statuses = {name: row.by_caller() for name, row in ROWS.items()}
    closed = {name for name, by in statuses.items() if by["user"] == (403,) and by["admin"] != (403,)}
    changing = {name for name, one in operations().items() if one.writes or one.method == "delete"}
    return sorted(row for row in closed if row.partition(":")[0] in changing)


def test_there_are_such_operations() -> None:
    assert {"users_change", "products_change", "rates_set", "deposits_settle", "settlement_scopes_delete"} <= set(
        admins_only()
    )


@pytest.mark.parametrize("row", admins_only())
def test_what_staff_do_is_in_the_staff_log(row: str, admin: Any, alice: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    call = CALLS[row](OperationContext(the=OwnedObjects(alice), my=OwnedObjects(admin)))
    if row == "users_enable":  # the table's calls of these two change nothing
        services.disable_user(user_id=alice.pk, by=admin)
    elif row == "commission_rules_end":
        call = replace(call, body={"valid_until": (timezone.now() + timedelta(days=1)).isoformat()})
    before = set(LogEntry.objects.values_list("pk", flat=True))
    caplog.clear()
    answer = perform(row, call, admin)
    assert answer.status_code < 300, answer.content
    entries = LogEntry.objects.exclude(pk__in=before)
    written = [record for record in caplog.records if record.name == "till.staff"]
    assert {entry.user_id for entry in entries} == {admin.pk}
    assert [record.getMessage() for record in written] == [entry.change_message for entry in entries.order_by("pk")]
    assert {vars(record)["staff_id"] for record in written} == {admin.pk}


# --- what was and what is -----------------------------------------------------------------------------------


def newest() -> str:
    return LogEntry.objects.latest("pk").get_change_message()


def test_a_product_is_noted_with_its_prices(admin: Any) -> None:
    client = signed_in(admin)
    product = client.post("/api/v1/products", {"title": "Lamp", "price": "59.00", "currency": "USD"}).json()
    assert newest() == "Added: 59.00 USD, stock unlimited."
    client.patch(f"/api/v1/products/{product['id']}", {"price": "1.00", "stock": 3})
    assert newest() == "Changed: price: 59 -> 1; stock: none -> 3."
    client.patch(f"/api/v1/products/{product['id']}", {"price": "1.00"})
    assert LogEntry.objects.count() == 2
    client.delete(f"/api/v1/products/{product['id']}")
    assert newest() == "Deleted."


def test_a_person_is_noted_with_both_emails_and_names(admin: Any, alice: Any) -> None:
    signed_in(admin).patch(f"/api/v1/users/{alice.pk}", {"email": "new@example.com", "full_name": "New"})
    assert newest() == f"Changed: email: alice@example.com -> new@example.com; full_name: {alice.full_name} -> New."


def test_a_currency_is_noted_with_its_names(admin: Any) -> None:
    signed_in(admin).patch("/api/v1/currencies/USD", {"name": "Dollar", "is_active": False})
    assert newest() == "Changed: name: US dollar -> Dollar; is_active: True -> False."


# --- the staff site -----------------------------------------------------------------------------------------


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


Form = tuple[str, dict[str, Any], str]


def _user(_: User) -> Form:
    mallory = new_user("walter")
    fields = {"email": "walt@example.com", "full_name": "", "role": "user", "is_active": "on", "reason": "asked"}
    inline = {f"wallets-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}
    message = "Changed email from walter@example.com to walt@example.com. Reason: asked"
    return f"accounts/user/{mallory.pk}/change/", fields | inline, message


def _password(_: User) -> Form:
    path = f"accounts/user/{new_user('walter').pk}/password/"
    return path, {"password1": "another horse 43", "password2": "another horse 43"}, "password"


def _new_user(_: User) -> Form:
    fields = {"email": "n@example.com", "full_name": "N", "role": "user", "password1": "another horse 43"}
    return "accounts/user/add/", fields | {"password2": "another horse 43"}, "Added"


def _currency(_: User) -> Form:
    return "payments/currency/USD/change/", {"name": "Dollar", "is_active": "on"}, "name: US dollar -> Dollar"


def _rate(_: User) -> Form:
    path = f"payments/exchangerate/{store_rate(value='0.9').pk}/change/"
    return path, {"rate": "0.91", "origin": "desk"}, "Set: 0.91"


def _rule(_: User) -> Form:
    fields = {"operation": "deposit", "currency": "USD", "percent": "1", "fixed": "", "minimum": "", "maximum": ""}
    moments = {f"valid_{when}_{part}": "" for when in ("from", "until") for part in (0, 1)}
    return "payments/commissionrule/add/", fields | moments, "Made."


def _provider(_: User) -> Form:
    fields = {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "max_amount": "", "is_active": "on"}
    return "payments/provider/add/", fields | {"make_secret": "on"}, "slug: none -> acme"


def _scope(_: User) -> Form:
    service = new_user("settler", Role.SERVICE)
    return "payments/settlementscope/add/", {"service": service.pk, "currency": "USD"}, "May settle orders of"


def _api_key(_: User) -> Form:
    fields = {"user": new_user("settler", Role.SERVICE).pk, "name": "A key", "scopes": ["me:read"], "networks": ""}
    return "accounts/apikey/add/", fields | {"expires_at_0": "", "expires_at_1": ""}, "Made for settler@example.com"


def _product(_: User) -> Form:
    piece = a_product()
    fields = {"title": piece.title, "description": "", "price": "1.00", "currency": "USD", "stock": "", "version": "1"}
    return f"catalog/product/{piece.pk}/change/", fields | {"is_active": "on"}, "to 1.00"


def _endpoint(_: User) -> Form:
    return "payments/eventendpoint/add/", {"url": "https://example.com/a"}, "Added: https://example.com/a, all events."


FORMS: dict[type[Any], tuple[Callable[[User], Form], ...]] = {
    User: (_user, _password, _new_user),
    apps.get_model("payments", "Currency"): (_currency,),
    ExchangeRate: (_rate,),
    CommissionRule: (_rule,),
    Provider: (_provider,),
    SettlementScope: (_scope,),
    ApiKey: (_api_key,),
    EventEndpoint: (_endpoint,),
    Product: (_product,),
}


def test_every_page_with_a_form_is_here(admin: Any, rf: Any) -> None:
    request = rf.get("/admin/")
    request.user = admin
    pages = admin_pages().items()
    assert {model for model, page in pages if page.has_add_permission(request)} <= set(FORMS)


def admin_pages() -> dict[type[Any], Any]:
    ours = ("accounts", "payments", "catalog")
    return {model: page for model, page in MODEL_ADMINS.items() if model._meta.app_label in ours}


@pytest.mark.parametrize("form", [form for forms in FORMS.values() for form in forms])
def test_a_form_is_in_the_staff_log(
    site: Client, admin: Any, form: Callable[[User], Form], caplog: pytest.LogCaptureFixture
) -> None:
    path, fields, message = form(admin)
    caplog.set_level(logging.INFO)
    caplog.clear()
    page = loaded(site, f"/admin/{path}")
    answer = site.post(f"/admin/{path}", fields | {name: page[name] for name in page if name == "shown"})
    assert answer.status_code == 302 or "till-made-secret" in answer.content.decode(), answer.content.decode()[-6000:]
    entry = LogEntry.objects.latest("pk")
    assert (entry.user_id, message in entry.get_change_message()) == (admin.pk, True), entry.get_change_message()
    assert entry.get_change_message() in [r.getMessage() for r in caplog.records if r.name == "till.staff"]


@pytest.mark.parametrize("page", ["accounts/user", "payments/wallet", "catalog/product"])
def test_an_export_is_in_the_staff_log(site: Client, admin: Any, page: str) -> None:
    answer = site.get(f"/admin/{page}/export/?q=alice")
    assert b"".join(answer.streaming_content).count(b"\n") >= 1  # type: ignore[attr-defined] # it is streamed
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.content_type.app_label + "/" + entry.content_type.model) == (admin.pk, page)  # type: ignore[union-attr]
    assert entry.change_message == "Exported the list as CSV, narrowed by q=alice."
    assert "Exported the list" in site.get("/admin/admin/logentry/").content.decode()


def test_an_export_is_in_the_staff_log_before_anything_of_it_is_sent(committed_db: None, admin: Any) -> None:
    """Whoever hangs up before its end has read the rest."""
    answer = staff_client(admin).get("/admin/accounts/user/export/")
    assert in_another_thread(LogEntry.objects.count) == 1  # its connection sees only what is committed
    answer.close()


def test_no_secret_is_in_it(site: Client) -> None:
    path, fields, _ = _new_user(User())
    site.post(f"/admin/{path}", fields)
    assert "horse" not in json.dumps(list(LogEntry.objects.values_list("change_message", "object_repr")))
