"""commission-rules: staff make and end them; two never hold at one time; what orders used stays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from payments.commission import rules as commission_rules
from payments.commission.charging import rule_in_force
from payments.commission.rules import RuleInUse, RuleOverlap
from payments.ledger.services.wallets import open_wallet
from payments.models import CommissionRule, Currency, Deposit, Operation, Wallet
from tests.support import recipes
from tests.support.orders import deposit, make_rule
from tests.support.rest import API, ids, refused, signed_in
from tests.support.threads import at_once

URL = f"{API}/commission-rules"


def make(user: Any, **terms: Any) -> Any:
    return signed_in(user).post(URL, {"operation": "deposit", "currency": "USD", "percent": "1.5"} | terms)


def end(user: Any, rule: int, valid_until: Any, **fields: Any) -> Any:
    return signed_in(user).patch(f"{URL}/{rule}", {"valid_until": valid_until, **fields})


def after(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


# --- making ---
def test_a_new_rule_is_answered_whole(admin: Any) -> None:
    answer = make(admin, fixed="0.30", minimum="0.50", maximum="25")
    assert answer.status_code == 201, answer.content
    body, rule = answer.json(), CommissionRule.objects.get()
    assert body.pop("valid_from").endswith("Z")
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": rule.pk, "operation": "deposit", "currency": "USD", "percent": "1.5", "fixed": "0.30", "minimum": "0.50",
        "maximum": "25.00", "valid_until": None,
    }  # fmt: skip
    assert rule_in_force(operation=Operation.DEPOSIT, currency="USD", at=timezone.now()) == rule
    assert LogEntry.objects.get(user=admin).change_message == "Made."


@pytest.mark.parametrize("operation", Operation.values)
def test_a_rule_may_be_for_any_operation_and_free(admin: Any, operation: str) -> None:
    body = make(admin, operation=operation, percent="0").json()
    assert (body["operation"], body["percent"], body["maximum"]) == (operation, "0", None)


@pytest.mark.parametrize(
    ("terms", "field", "code"),
    [
        ({"percent": "100.0000000001"}, "percent", "percent_out_of_range"),
        ({"percent": "-1"}, "percent", "percent_out_of_range"),
        ({"percent": "9" * 60}, "percent", "percent_out_of_range"),
        ({"percent": "1.00000000001"}, "percent", "too_many_decimals"),
        ({"fixed": "0.001"}, "fixed", "too_many_decimals"),
        ({"fixed": "-0.01"}, "fixed", "amount_not_positive"),
        ({"minimum": "1.5", "currency": "JPY"}, "minimum", "too_many_decimals"),
        ({"maximum": "1000000000000000001"}, "maximum", "amount_too_large"),
        ({"minimum": "2", "maximum": "1.99"}, "maximum", "maximum_below_minimum"),
    ],
)
def test_terms_that_break_a_rule_of_money_are_refused(admin: Any, terms: Any, field: str, code: str) -> None:
    body = refused(make(admin, **terms), 422, "invalid_amount", field)
    assert body["errors"][0]["code"] == code
    assert not CommissionRule.objects.exists()


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"operation": "purchase"}, "operation"),
        ({"percent": "1e1"}, "percent"),
        ({"percent": None}, "percent"),
        ({"fixed": True}, "fixed"),
        ({"valid_from": "tomorrow"}, "valid_from"),
        ({"valid_from": 1}, "valid_from"),
        ({"valid_until": "2030-01-01T00:00:00"}, "valid_until"),
        ({"valid_until": "9999-12-31T23:59:59-14:00"}, "valid_until"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from"),
    ],
)
def test_terms_that_cannot_be_read_are_refused(admin: Any, terms: Any, field: str) -> None:
    refused(make(admin, **terms), 400, "invalid_request", field)


def test_a_rule_begins_and_ends_in_the_future(admin: Any) -> None:
    refused(make(admin, valid_from=after(-1)), 422, "invalid_period", "valid_from")
    refused(make(admin, valid_from=after(2), valid_until=after(1)), 422, "invalid_period", "valid_until")
    refused(make(admin, valid_until=after(-1)), 422, "invalid_period", "valid_until")
    assert make(admin, valid_from=timezone.now().isoformat()).status_code == 201


def test_a_rule_wants_a_currency_that_exists(admin: Any) -> None:
    refused(make(admin, currency="XXX"), 422, "currency_unavailable", "currency")
    Currency.objects.filter(pk="EUR").update(is_active=False)
    assert make(admin, currency="EUR").status_code == 201


def test_only_admins_see_and_make_rules(alice: Any, service: Any, admin: Any) -> None:
    rule = make(admin).json()["id"]
    for user in (alice, service):
        for answer in (
            signed_in(user).get(URL), signed_in(user).get(f"{URL}/{rule}"), make(user), end(user, rule, None),
            signed_in(user).delete(f"{URL}/{rule}"),
        ):  # fmt: skip
            refused(answer, 403, "permission_denied")
    refused(APIClient().get(URL), 401, "not_authenticated")


# --- overlaps ---
def test_two_rules_never_hold_at_one_time(admin: Any) -> None:
    first = make(admin, valid_from=after(1), valid_until=after(2)).json()["id"]
    for terms in ({}, {"valid_from": after(1.5)}, {"valid_until": after(1.5)}, {"valid_from": after(1.9)}):
        body = refused(make(admin, **terms), 409, "commission_rule_overlap")
        assert body["rule"] == first
        assert str(first) in body["detail"]
    for terms in (
        {"currency": "EUR"},
        {"operation": "withdrawal"},
        {"valid_from": after(2)},
        {"valid_until": after(0.5)},
    ):
        assert make(admin, **terms).status_code == 201, terms


def test_one_follows_the_other_without_a_gap(admin: Any) -> None:
    border = datetime(2100, 1, 1, tzinfo=UTC)
    first = make(admin, valid_until=border.isoformat()).json()["id"]
    second = make(admin, valid_from=border.isoformat()).json()["id"]
    moment = timedelta(microseconds=1)
    for at, expected in ((border - moment, first), (border, second)):
        rule = rule_in_force(operation=Operation.DEPOSIT, currency="USD", at=at)
        assert rule is not None
        assert rule.pk == expected


@pytest.mark.usefixtures("committed_db")
def test_of_rules_made_at_once_one_stands(admin: Any) -> None:
    answers = at_once(*[lambda: make(admin)] * 8)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    [rule] = CommissionRule.objects.all()
    assert {answer.json()["rule"] for answer in answers if answer.status_code == 409} == {rule.pk}


@pytest.mark.usefixtures("committed_db")
def test_postgresql_judges_between_two_connections_that_ask_nobody(admin: Any) -> None:
    """Neither locks the currency, and each is blind to the other's rule when it inserts its own."""

    def insert() -> str:
        try:
            with transaction.atomic():
                recipes.commission_rule.make(percent=Decimal(1))
        except Exception as error:
            return str(error)
        return ""

    errors = at_once(insert, insert)
    assert CommissionRule.objects.count() == 1
    assert sorted(bool(text) for text in errors) == [False, True]
    assert any("commission_rule_overlap" in text or "deadlock" in text for text in errors)


# --- ending ---
def test_a_rule_ends_now_or_later(admin: Any) -> None:
    rule = make(admin).json()["id"]
    later = end(admin, rule, "2100-01-01T00:00:00Z").json()
    assert later["valid_until"] == "2100-01-01T00:00:00Z"
    assert end(admin, rule, None).json()["valid_until"] is None
    seconds_ago = timezone.now() - timedelta(seconds=5)
    ended = datetime.fromisoformat(end(admin, rule, seconds_ago.isoformat()).json()["valid_until"])
    assert seconds_ago < ended <= timezone.now()
    assert rule_in_force(operation=Operation.DEPOSIT, currency="USD", at=timezone.now()) is None
    assert make(admin).status_code == 201


def test_the_past_does_not_change(admin: Any) -> None:
    rule = make(admin).json()["id"]
    refused(end(admin, rule, after(-1)), 422, "invalid_period", "valid_until")
    ended = end(admin, rule, timezone.now().isoformat()).json()["valid_until"]
    refused(end(admin, rule, after(1)), 409, "commission_rule_ended")
    refused(end(admin, rule, None), 409, "commission_rule_ended")
    assert end(admin, rule, ended).status_code == 200


def test_one_that_has_not_begun_ends_after_it_begins(admin: Any) -> None:
    rule = make(admin, valid_from=after(2)).json()["id"]
    refused(end(admin, rule, after(1)), 422, "invalid_period", "valid_until")
    assert end(admin, rule, after(3)).status_code == 200


def test_going_on_must_not_overlap(admin: Any) -> None:
    first = make(admin, valid_until=after(1)).json()["id"]
    second = make(admin, valid_from=after(2)).json()["id"]
    assert refused(end(admin, first, None), 409, "commission_rule_overlap")["rule"] == second
    assert end(admin, first, after(1.5)).status_code == 200


@pytest.mark.parametrize("fields", [{"percent": "5"}, {"currency": "EUR"}, {"valid_from": None}])
def test_nothing_else_of_a_rule_changes(admin: Any, fields: dict[str, Any]) -> None:
    rule = make(admin).json()["id"]
    refused(end(admin, rule, None, **fields), 400, "invalid_request", next(iter(fields)))
    refused(signed_in(admin).patch(f"{URL}/{rule}", {}), 400, "invalid_request", "valid_until")
    refused(signed_in(admin).put(f"{URL}/{rule}", {}), 405, "method_not_allowed")
    refused(end(admin, 2**62, None), 404, "not_found")


# --- deleting ---
@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return open_wallet(owner_id=alice.pk, currency="USD")


def test_one_that_was_never_applied_is_deleted(admin: Any) -> None:
    rule = make(admin).json()["id"]
    assert signed_in(admin).delete(f"{URL}/{rule}").status_code == 204
    refused(signed_in(admin).delete(f"{URL}/{rule}"), 404, "not_found")
    assert make(admin).status_code == 201


def test_one_that_an_order_was_made_under_stays(alice: Any, admin: Any, wallet: Wallet) -> None:
    rule = make_rule(admin, percent="1")
    deposit(alice, wallet)
    refused(signed_in(admin).delete(f"{URL}/{rule.pk}"), 409, "commission_rule_in_use")
    assert CommissionRule.objects.filter(pk=rule.pk).exists()


def delete_status(user: Any, rule: int) -> int:
    return int(signed_in(user).delete(f"{URL}/{rule}").status_code)


@pytest.mark.usefixtures("committed_db")
def test_one_that_is_deleted_while_an_order_is_made_is_applied_or_gone(alice: Any, admin: Any, wallet: Wallet) -> None:
    for _ in range(8):
        rule = make_rule(admin, percent="1")
        charged, status = at_once(
            lambda: deposit(alice, wallet)["commission"],
            partial(delete_status, admin, rule.pk),
        )
        assert (charged, status) in {("1.00", 409), ("0.00", 204)}
        if status == 409:
            commission_rules.end_rule(rule_id=rule.pk, valid_until=timezone.now(), staff=admin)
    assert not Deposit.objects.exclude(commission=0).filter(rule=None).exists()


# --- reading ---
def test_the_list_of_rules_filters(admin: Any) -> None:
    one, two = make(admin).json()["id"], make(admin, operation="transfer", currency="EUR").json()["id"]
    client = signed_in(admin)
    assert ids(client.get(URL)) == [two, one]
    assert ids(client.get(URL, {"operation": "transfer"})) == [two]
    assert ids(client.get(URL, {"currency": "USD"})) == [one]
    refused(client.get(URL, {"operation": "purchase"}), 400, "invalid_request", "operation")
    assert client.get(f"{URL}/{one}").json()["percent"] == "1.5"


def test_the_services_raise_their_own_errors(alice: Any, admin: Any, wallet: Wallet) -> None:
    rule = make_rule(admin)
    with pytest.raises(RuleOverlap):
        make_rule(admin)
    deposit(alice, wallet)
    with pytest.raises(RuleInUse):
        commission_rules.delete_rule(rule_id=rule.pk, staff=admin)
