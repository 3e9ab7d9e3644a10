"""/admin: commission rules are made, ended and deleted, never edited; scopes say what a service settles."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.services import set_support
from payments.models import CommissionRule, Currency, Provider, SettlementScope
from payments.orders import services as orders
from staff.confirmed_actions import text_of
from tests.support.admin_pages import staff_client
from tests.support.ledger import wallet_with
from tests.support.orders import deposit, make_rule

RULES, SCOPES = "/admin/payments/commissionrule/", "/admin/payments/settlementscope/"


@pytest.fixture
def site(admin: Any) -> Client:
    return signed(admin)


def signed(user: Any) -> Client:
    return staff_client(user)


def add(site: Client, **fields: str) -> Any:
    form = {"operation": "deposit", "currency": "USD", "percent": "1.5"} | fields
    return site.post(f"{RULES}add/", form, follow=True)


def moment(name: str, days: float) -> dict[str, str]:
    when = timezone.now() + timedelta(days=days)
    return {f"{name}_0": f"{when:%Y-%m-%d}", f"{name}_1": f"{when:%H:%M:%S}"}


def do(site: Client, action: str, rule: CommissionRule, **fields: str) -> str:
    body = {"reason": "new prices"} | fields
    return str(site.post(f"{RULES}{action}/?id={rule.pk}", body, follow=True).content.decode())


def errors(answer: Any) -> list[str]:
    return list(answer.context["adminform"].form.errors)


def notes() -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.order_by("pk")]


# --- making ---------------------------------------------------------------------------------------------------


def test_a_rule_holds_from_now_on_unless_it_is_told(site: Client) -> None:
    before = timezone.now()
    answer = add(site, percent="1.25", fixed="0.30", minimum="0.50", maximum="20")
    assert "was added successfully" in answer.content.decode()
    rule = CommissionRule.objects.get()
    assert (rule.percent, rule.fixed, rule.minimum, rule.maximum) == tuple(map(Decimal, ("1.25", "0.3", "0.5", "20")))
    assert before <= rule.valid_from <= timezone.now()
    assert rule.valid_until is None
    assert notes() == ["Made."]
    page = site.get(RULES).content.decode()
    assert "1.25 % + 0.30 USD, at least 0.50 USD, at most 20.00 USD" in page


def test_what_is_left_empty_is_nothing(site: Client) -> None:
    add(site, percent="", fixed="2")
    rule = CommissionRule.objects.get()
    assert (rule.percent, rule.fixed, rule.minimum, rule.maximum) == (0, 2, 0, None)


def test_a_rule_may_begin_and_end_later(site: Client) -> None:
    add(site, **moment("valid_from", 1), **moment("valid_until", 2))
    rule = CommissionRule.objects.get()
    assert rule.valid_until is not None
    assert rule.valid_until - rule.valid_from == timedelta(days=1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"percent": "101"}, "percent"),
        ({"percent": "-1"}, "percent"),
        ({"percent": "1e1"}, "percent"),
        ({"percent": "0.12345678901"}, "percent"),
        ({"fixed": "0.001"}, "fixed"),
        ({"fixed": "-1"}, "fixed"),
        ({"minimum": "5", "maximum": "4"}, "maximum"),
        ({"currency": "XXX"}, "currency"),
        ({"operation": "purchase"}, "operation"),
        ({"valid_from_0": "2020-01-01", "valid_from_1": "00:00:00"}, "valid_from"),
        ({"valid_from_0": "soon"}, "valid_from"),
        (moment("valid_from", 2) | moment("valid_until", 1), "valid_until"),
        (moment("valid_until", -1), "valid_until"),
    ],
)
def test_what_is_wrong_is_named_and_makes_nothing(site: Client, wrong: dict[str, str], field: str) -> None:
    assert errors(add(site, **wrong)) == [field]
    assert not CommissionRule.objects.exists()
    assert not LogEntry.objects.exists()


def test_the_same_form_sent_twice_makes_one_rule(site: Client) -> None:
    add(site)
    rule = CommissionRule.objects.get()
    again = add(site)
    assert errors(again) == ["valid_from"]
    assert f"Rule {rule.pk} is in force at that time." in again.content.decode()
    assert CommissionRule.objects.count() == 1
    assert notes() == ["Made."]


def test_a_currency_out_of_use_is_not_offered(site: Client) -> None:
    Currency.objects.filter(pk="EUR").update(is_active=False)
    answer = site.get(
        "/admin/autocomplete/",
        {"term": "", "app_label": "payments", "model_name": "commissionrule", "field_name": "currency"},
    ).json()["results"]
    assert "USD" in {one["id"] for one in answer}
    assert "EUR" not in {one["id"] for one in answer}


# --- ending and deleting --------------------------------------------------------------------------------------


def test_what_somebody_else_deleted_first_is_told_in_words() -> None:
    gone = CommissionRule.DoesNotExist("CommissionRule matching query does not exist.")
    assert text_of(gone) == "It is not there any more."


def test_a_rule_ends_now_or_later_with_a_reason(site: Client, admin: Any) -> None:
    rule = make_rule(admin, percent="1")
    assert "without an end" in site.get(f"{RULES}end/?id={rule.pk}").content.decode()
    tomorrow = timezone.now() + timedelta(days=1)
    assert "ends " in do(site, "end", rule, valid_until=f"{tomorrow:%Y-%m-%dT%H:%M}")
    rule.refresh_from_db()
    assert rule.valid_until == tomorrow.replace(second=0, microsecond=0)
    assert f"until {tomorrow:%Y-%m-%d %H:%M}" in site.get(f"{RULES}end/?id={rule.pk}").content.decode()
    do(site, "end", rule)
    rule.refresh_from_db()
    assert rule.valid_until is not None
    assert rule.valid_until <= timezone.now()
    assert notes()[-1].endswith("Reason: new prices")
    assert "The rule has ended" in do(site, "end", rule)
    assert "End…" not in site.get(f"{RULES}{rule.pk}/change/").content.decode()
    assert "was added successfully" in add(site).content.decode()


@pytest.mark.parametrize("wrong", [{"valid_until": "2020-01-01T00:00"}, {"valid_until": "soon"}, {"reason": ""}])
def test_a_wrong_end_is_named_and_changes_nothing(site: Client, admin: Any, wrong: dict[str, str]) -> None:
    rule = make_rule(admin, percent="1")
    answer = site.post(f"{RULES}end/?id={rule.pk}", {"reason": "new prices", "valid_until": ""} | wrong)
    assert list(answer.context["form"].errors) == list(wrong)
    rule.refresh_from_db()
    assert rule.valid_until is None


def test_a_rule_without_orders_is_deleted(site: Client, admin: Any) -> None:
    rule = make_rule(admin, percent="1")
    answer = site.get(f"{RULES}{rule.pk}/delete/")
    assert answer["Location"] == f"{RULES}remove/?id={rule.pk}"
    assert "Deleted." in do(site, "remove", rule)
    assert not CommissionRule.objects.exists()
    assert notes() == ["Made.", "Deleted. Reason: new prices"]


def test_a_rule_with_orders_stays(site: Client, admin: Any, alice: Any) -> None:
    rule = make_rule(admin, percent="1")
    deposit(alice, wallet_with(alice, "USD", "1"))
    assert "Orders were made under this rule: end it instead." in do(site, "remove", rule)
    assert CommissionRule.objects.get() == rule
    assert notes() == ["Made."]


def test_nothing_of_a_rule_is_edited(site: Client, admin: Any) -> None:
    rule = make_rule(admin, percent="1")
    before = CommissionRule.objects.values().get()
    assert site.post(f"{RULES}{rule.pk}/change/", {"percent": "99", "operation": "transfer"}).status_code == 403
    assert CommissionRule.objects.values().get() == before
    page = site.get(f"{RULES}{rule.pk}/change/").content.decode()
    assert "_save" not in page
    assert "1 %" in page
    assert "delete_selected" not in site.get(RULES).content.decode()


def test_rules_are_found_by_their_state(site: Client, admin: Any) -> None:
    coming = make_rule(admin, "transfer", percent="1", valid_from=timezone.now() + timedelta(days=1))
    current, ended = make_rule(admin, percent="1"), make_rule(admin, "exchange", percent="1")
    do(site, "end", ended)
    for state, rule in {"coming": coming, "current": current, "ended": ended}.items():
        assert [row.pk for row in site.get(RULES, {"state": state}).context["cl"].result_list] == [rule.pk], state


# --- scopes ---------------------------------------------------------------------------------------------------


def grant(site: Client, service: Any, **fields: Any) -> Any:
    return site.post(f"{SCOPES}add/", {"service": service.pk} | fields, follow=True)


def test_a_scope_is_given_and_taken_away(site: Client, service: Any) -> None:
    provider = Provider.objects.get(slug="sha1_colon")
    for _ in range(2):  # the second time changes nothing
        assert "successfully" in grant(site, service, currency="USD", provider=provider.pk).content.decode()
    scope = SettlementScope.objects.latest("pk")
    assert (scope.service, scope.currency_id, scope.provider) == (service, "USD", provider)
    assert "service@example.com" in site.get(SCOPES).content.decode()
    assert site.post(f"{SCOPES}{scope.pk}/change/", {"currency": "EUR"}).status_code == 403
    site.post(f"{SCOPES}{scope.pk}/delete/", {"post": "yes"})
    assert not SettlementScope.objects.exists()
    first = f"May settle orders of: {scope}, and no longer everything."
    assert notes() == [first, f"Settles no longer by the scope: {scope}."]
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(service.pk)}


def test_a_scope_is_a_services_and_names_something(site: Client, service: Any, alice: Any) -> None:
    assert errors(grant(site, service)) == ["currency"]
    assert errors(grant(site, service, currency="USD", everything="on")) == ["everything"]
    assert errors(grant(site, service, currency="USD", max_amount="5.001")) == ["max_amount"]
    assert errors(grant(site, service, everything="on", max_amount="5")) == ["currency"]
    assert errors(grant(site, alice, currency="USD")) == ["service"]
    Currency.objects.filter(pk="EUR").update(is_active=False)
    assert errors(grant(site, service, currency="EUR")) == ["currency"]
    assert SettlementScope.objects.get().everything


def test_a_limit_and_everything_are_scopes_too(site: Client, service: Any) -> None:
    SettlementScope.objects.all().delete()
    grant(site, service, currency="USD", max_amount="500")
    grant(site, service, everything="on")
    assert [str(scope) for scope in SettlementScope.objects.order_by("pk")] == ["USD up to 500", "everything"]
    assert "500.00 USD" in site.get(SCOPES).content.decode()


# --- who may --------------------------------------------------------------------------------------------------


def test_support_and_mallory_change_no_rule_and_no_scope(admin: Any, service: Any, bob: Any, mallory: Any) -> None:
    rule, scope = make_rule(admin, percent="1"), orders.add_scope(service_id=service.pk, currency="USD", staff=admin)
    support = signed(set_support(user_id=bob.pk, on=True))
    paths = [
        *(f"{RULES}add/", f"{RULES}{rule.pk}/delete/", f"{RULES}{rule.pk}/change/"),
        *(f"{RULES}end/?id={rule.pk}", f"{RULES}remove/?id={rule.pk}"),
        *(f"{SCOPES}add/", f"{SCOPES}{scope.pk}/delete/", f"{SCOPES}{scope.pk}/change/"),
    ]
    body = {"reason": "please", "post": "yes", "operation": "transfer", "currency": "EUR", "service": service.pk}
    for client, status in ((support, 403), (signed(mallory), 302), (signed(service), 302)):
        for path in paths:
            assert client.post(path, body).status_code == status, path
    assert support.get(RULES).status_code == support.get(SCOPES).status_code == 200
    rule.refresh_from_db()
    assert (rule.valid_until, SettlementScope.objects.count(), CommissionRule.objects.count()) == (None, 1, 1)
