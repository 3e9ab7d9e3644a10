"""The rules of orders, holds, scopes and commission that hold without Python: raw SQL breaks its teeth on each."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from payments.models import CommissionRule, Deposit, ExternalWallet, SettlementScope, Wallet, Withdrawal
from payments.orders import services as orders
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import deposit, make_rule, settle, withdraw

ORDERS = ["deposit", "withdrawal"]


def run(sql: str, *parameters: Any) -> None:
    """Run it and check what is deferred, as the commit would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def broken(name: str, sql: str, *parameters: Any) -> None:
    with pytest.raises(DatabaseError, match=name):
        run(sql, *parameters)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return recipes.bank_account.make(owner=alice)


@pytest.fixture
def order_ids(alice: Any, wallet: Wallet, bank: ExternalWallet) -> dict[str, int]:
    """A pending deposit and a pending withdrawal of ten dollars; their ids."""
    pair = {"deposit": deposit(alice, wallet, "10")["id"], "withdrawal": withdraw(alice, wallet, bank, "10")["id"]}
    run("SELECT 1")
    return pair


# --- orders ---
COLUMNS = ["user_id", "wallet_id", "currency_id", "amount", "commission", "status", "reason", "settled_at"]


def insert(order: str, **changed: str) -> str:
    """The same order once more, with other values, as SQL."""
    names = [*COLUMNS, *(["external_wallet_id"] if order == "withdrawal" else [])]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO payments_{order} ({', '.join(names)}) SELECT {values} FROM payments_{order}"  # noqa: S608 - ours


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"amount": "0"}, "amount_positive"),
        ({"amount": "-1"}, "amount_positive"),
        ({"amount": "'NaN'"}, "amount_is_a_number"),
        ({"commission": "-1"}, "commission_in_range"),
        ({"commission": "amount + 1"}, "commission_in_range"),
        ({"commission": "'NaN'"}, "commission_in_range"),
        ({"status": "'paid'"}, "an order begins pending"),
        ({"status": "'rejected'", "settled_at": "now()"}, "an order begins pending"),
        ({"status": "'open'"}, "an order begins pending"),
        ({"settled_at": "now()"}, "status_is_whole"),
        ({"currency_id": "'EUR'"}, "wallet_currency"),
        ({"wallet_id": "1"}, "wallet_currency"),
        ({"user_id": "0"}, "user_id"),
    ],
)
def test_an_order_keeps_its_rules(order_ids: dict[str, int], order: str, changed: dict[str, str], name: str) -> None:
    broken(name, insert(order, **changed))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "change",
    ["amount = 1", "commission = 1", "user_id = user_id + 1", "wallet_id = 1", "currency_id = 'EUR'",
     "created_at = now()", "id = id + 1", "provider_id = (SELECT min(id) FROM payments_provider)"],
)  # fmt: skip
def test_an_order_stays_as_it_was_made(order_ids: dict[str, int], order: str, change: str) -> None:
    broken("an order is settled once", f"UPDATE payments_{order} SET {change}")  # noqa: S608 - ours


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("status", ["paid", "rejected"])
@pytest.mark.parametrize(
    "change", ["status = 'pending'", "status = 'paid'", "status = 'rejected'", "reason = 'x'", "settled_at = now()",
               "transaction_id = NULL", "settled_by_id = NULL"],
)  # fmt: skip
def test_a_verdict_is_for_ever(service: Any, order_ids: dict[str, int], order: str, status: str, change: str) -> None:
    assert settle(service, f"{order}s", order_ids[order], status).status_code == 200
    broken("an order is settled once", f"UPDATE payments_{order} SET {change}")  # noqa: S608 - ours


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "change",
    [
        "status = 'paid'",
        "status = 'paid', settled_at = now()",
        "status = 'rejected'",
        "status = 'rejected', settled_at = now(), transaction_id = (SELECT max(id) FROM payments_transaction)",
        "transaction_id = (SELECT max(id) FROM payments_transaction)",
        "status = 'open', settled_at = now()",
    ],
)
def test_a_verdict_is_whole(order_ids: dict[str, int], order: str, change: str) -> None:
    broken("status_is_whole", f"UPDATE payments_{order} SET {change}")  # noqa: S608 - ours


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sql", ["DELETE FROM payments_{}", "TRUNCATE payments_{} CASCADE"])
def test_orders_stay(order_ids: dict[str, int], order: str, sql: str) -> None:
    broken("orders stay", sql.format(order))


def test_a_transaction_pays_for_one_order(alice: Any, admin: Any, wallet: Wallet) -> None:
    first, second = deposit(alice, wallet, "10")["id"], deposit(alice, wallet, "10")["id"]
    settle(admin, "deposits", first)
    broken(
        "payments_deposit_transaction_id",
        "UPDATE payments_deposit SET status = 'paid', settled_at = now(), transaction_id ="
        " (SELECT transaction_id FROM payments_deposit WHERE id = %s) WHERE id = %s",
        *(first, second),
    )


def test_what_orders_refer_to_stays(alice: Any, admin: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    rule = make_rule(admin, "withdrawal", percent="1")
    withdraw(alice, wallet, bank, "10")
    run("SELECT 1")
    broken("foreign key", "DELETE FROM payments_commissionrule WHERE id = %s", rule.pk)
    broken("foreign key", "DELETE FROM payments_externalwallet WHERE id = %s", bank.pk)


# --- holds ---
ADD_UP = "not the sum of its pending withdrawals"


@pytest.mark.parametrize("held", ["0", "9.99", "10.01", "100"])
def test_what_is_held_is_what_pending_withdrawals_ask_for(order_ids: dict[str, int], wallet: Wallet, held: str) -> None:
    broken(ADD_UP, "UPDATE payments_wallet SET held = %s WHERE id = %s", held, wallet.pk)


@pytest.mark.parametrize("held", ["-0.01", "100.01"])
def test_no_more_is_held_than_there_is(order_ids: dict[str, int], wallet: Wallet, held: str) -> None:
    rule = "wallet_balance_covers_held|held_not_negative"
    broken(rule, "UPDATE payments_wallet SET held = %s WHERE id = %s", held, wallet.pk)


def test_a_withdrawal_is_not_made_without_its_hold(order_ids: dict[str, int]) -> None:
    broken(ADD_UP, insert("withdrawal"))


def test_a_withdrawal_is_not_rejected_without_its_release(order_ids: dict[str, int]) -> None:
    broken(ADD_UP, "UPDATE payments_withdrawal SET status = 'rejected', settled_at = now()")


def test_both_together_are_allowed(order_ids: dict[str, int], wallet: Wallet) -> None:
    run(
        "UPDATE payments_withdrawal SET status = 'rejected', settled_at = now();"
        " UPDATE payments_wallet SET held = held - 10 WHERE held > 0"
    )
    assert_ledger_balances()
    assert (Deposit.objects.count(), Withdrawal.objects.get().status) == (1, "rejected")


# --- scopes ---
def test_a_scope_stands_once_and_names_something(admin: Any, service: Any) -> None:
    provider = orders.add_scope(service_id=service.pk, provider="sha1_colon", staff=admin).provider_id
    orders.add_scope(service_id=service.pk, currency="USD", staff=admin)
    orders.add_scope(service_id=service.pk, currency="USD", provider="sha1_colon", staff=admin)
    table = "INSERT INTO payments_settlementscope"
    sql = f"{table} (service_id, currency_id, provider_id, everything) VALUES (%s, %s, %s, false)"
    for currency, named in (("USD", None), (None, provider), ("USD", provider)):
        broken("settlement_scope_\\w*once", sql, service.pk, currency, named)
    broken("settlement_scope_names_one", sql, service.pk, None, None)
    SettlementScope.objects.filter(service=service).delete()
    limited = f"{table} (service_id, everything, currency_id, max_amount) VALUES (%s, %s, %s, %s)"
    broken("settlement_scope_names_one", limited, service.pk, True, "USD", None)
    broken("settlement_scope_limit_has_currency", limited, service.pk, True, None, 5)
    broken("settlement_scope_limit_has_currency", limited, service.pk, False, "USD", 0)


# --- commission rules ---
RULE = """
INSERT INTO payments_commissionrule (operation, currency_id, percent, fixed, minimum, maximum, valid_from, valid_until)
VALUES ({operation}, 'USD', {percent}, {fixed}, {minimum}, {maximum}, {valid_from}, {valid_until})
"""
TERMS = {
    "operation": "'deposit'", "percent": "1", "fixed": "0", "minimum": "0", "maximum": "NULL", "valid_from": "now()",
    "valid_until": "NULL",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"operation": "'purchase'"}, "commission_operation_known"),
        ({"percent": "-1"}, "commission_percent_in_range"),
        ({"percent": "100.1"}, "commission_percent_in_range"),
        ({"percent": "'NaN'"}, "commission_percent_in_range"),
        ({"fixed": "-1"}, "commission_not_negative"),
        ({"fixed": "'NaN'"}, "commission_is_a_number"),
        ({"minimum": "'NaN'"}, "commission_"),
        ({"maximum": "'NaN'"}, "commission_is_a_number"),
        ({"minimum": "-1"}, "commission_not_negative"),
        ({"minimum": "2", "maximum": "1"}, "commission_maximum_in_range"),
        ({"valid_until": "now()"}, "commission_period"),
        ({"valid_until": "now() - interval '1 day'"}, "commission_period"),
    ],
)
def test_a_commission_rule_keeps_its_rules(db: None, changed: dict[str, str], name: str) -> None:
    broken(name, RULE.format(**TERMS | changed))
    run(RULE.format(**TERMS))


@pytest.mark.parametrize(
    "changed",
    [{}, {"valid_from": "now() + interval '1 day'"}, {"valid_from": "now() - interval '1 day'"},
     {"valid_from": "now() - interval '1 day'", "valid_until": "now() + interval '1 second'"}],
)  # fmt: skip
def test_two_rules_never_hold_at_one_time(db: None, changed: dict[str, str]) -> None:
    run(RULE.format(**TERMS))
    broken("commission_rule_overlap", RULE.format(**TERMS | changed))
    run(RULE.format(**TERMS | {"operation": "'withdrawal'"} | changed))


@pytest.mark.parametrize(
    "change",
    ["percent = 2", "fixed = 1", "minimum = 1", "maximum = 1", "operation = 'transfer'", "currency_id = 'EUR'",
     "valid_from = now() + interval '1 day'", "created_at = now() + interval '1 day'"],
)  # fmt: skip
def test_a_rule_can_only_be_ended(db: None, change: str) -> None:
    run(RULE.format(**TERMS))
    broken("end this rule and make another", f"UPDATE payments_commissionrule SET {change}")  # noqa: S608 - ours
    run("UPDATE payments_commissionrule SET valid_until = now() + interval '1 day'")
    assert CommissionRule.objects.get().valid_until is not None


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("changed", ["bank_reference = 'NTRF 0042'", "status = 'paid', bank_reference = E'a\\u202eb'"])
def test_a_bank_reference_belongs_to_a_verdict_and_is_plain_text(
    order_ids: dict[str, int], order: str, changed: str
) -> None:
    broken("bank_reference_fits", f"UPDATE payments_{order} SET {changed}")  # noqa: S608 - ours


def test_a_bank_reference_never_changes(order_ids: dict[str, int], service: Any) -> None:
    settle(service, "deposits", order_ids["deposit"], "rejected", bank_reference="NTRF 0042")
    broken("settled once", "UPDATE payments_deposit SET bank_reference = 'another'")
