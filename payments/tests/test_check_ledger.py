"""check_ledger finds every kind of difference, names it, and is silent on sound books.

The corruptions need the owner's rights and the guards switched off: what a bad restore, a careless superuser or a
bug in PostgreSQL could leave. DDL is rolled back with the test.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from payments import ledger
from payments.ledger.audit import MEANINGS, audit
from payments.models import CommissionRule, ExchangeRate, Operation, Provider, Wallet, WebhookEvent
from payments.services import orders, webhooks
from payments.services.exchange import exchange
from payments.services.reversals import reverse
from payments.services.transfers import transfer
from payments.services.webhooks.registry import registry
from payments.tests.ledger_stage import CLEARING, SALES, held, house, movement, sql, wallet_of

TABLES = (
    "payments_transaction",
    "payments_posting",
    "payments_wallet",
    "payments_webhookevent",
    "payments_housecheckpoint",
    "payments_deposit",
    "payments_withdrawal",
    "payments_transfer",
    "payments_exchange",
    "payments_reversal",
)
CREDITS = (("1", 7), ("2", 8))


@pytest.fixture
def stage(alice: Any, bob: Any) -> dict[str, Any]:
    """Sound books with a little of everything; the names stand in braces in the corruptions below."""
    registry.forget()
    provider = registry.get("sha1_colon")
    assert provider is not None
    a, b, spare = wallet_of(alice, holding="100"), wallet_of(bob, holding="5"), wallet_of(bob)
    webhooks.credit([webhooks.Notice(provider, id_, alice.pk, a, Decimal(amount)) for id_, amount in CREDITS])
    ledger.book([movement((a, b, "30"), (a, house(SALES), "1"), kind="transfer"), movement((b, a, "2"))])
    made = some_orders(alice, a, b)
    event = WebhookEvent.objects.get(external_id="1")
    sql("INSERT INTO payments_housecheckpoint SELECT id, 0, 0 FROM payments_wallet WHERE house IS NOT NULL")
    return {
        "alice": a, "bob": b, "spare": spare, "bob_himself": bob.pk,
        "clearing": house(), "sales": house(SALES), "euro_clearing": house(CLEARING, "EUR"),
        "credit": event.transaction_id, "event": event.pk, "provider": Provider.objects.get(slug="sha1_colon").pk,
        "transfer": sql("SELECT min(id) FROM payments_transaction WHERE kind = 'transfer'")[0][0], **made,
    }  # fmt: skip


def some_orders(alice: Any, a: int, b: int) -> dict[str, int]:
    """One of each that claims a transaction of its own, with a commission where there can be one, and a hold."""
    staff = User.objects.create(email="staff@example.com", role="admin", is_staff=True, is_superuser=True)
    for operation in Operation:
        CommissionRule.objects.create(operation=operation, currency_id="USD", percent=10)
    ExchangeRate.objects.create(
        source_currency_id="USD", target_currency_id="EUR", rate=Decimal("0.9"), origin="test", as_of=timezone.now()
    )
    euros, five = wallet_of(alice, "EUR"), Decimal(5)
    deposit = orders.request_deposit(user_id=alice.pk, wallet_id=a, amount=five)
    orders.settle_deposit(deposit_id=deposit.pk, verdict="paid", by=staff)
    withdrawal, _ = held(a, "5"), held(a, "7")
    orders.settle_withdrawal(withdrawal_id=withdrawal.pk, verdict="paid", by=staff)
    sent = transfer(user_id=alice.pk, source_id=a, destination_id=b, amount=five)
    changed = exchange(user_id=alice.pk, source_id=a, destination_id=euros, amount=five)
    reversed_ = reverse(transaction_id=sent.transaction_id, reason="a mistake", staff=staff)
    made = {"deposit": deposit, "withdrawal": withdrawal, "sent": sent, "exchange": changed, "reversal": reversed_}
    return {name: order.pk for name, order in made.items()}


def corrupt(statement: str) -> None:
    """Run raw SQL with every guard off: triggers, checks, rules of types, foreign keys, unique indexes."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'f')", [table]
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        cursor.execute(
            "SELECT contypid::regtype::text, conname FROM pg_constraint WHERE contypid::regtype::text ~ '^till_'"
        )
        for domain, name in cursor.fetchall():
            cursor.execute(f"ALTER DOMAIN {domain} DROP CONSTRAINT {name}")
        cursor.execute(
            "DROP INDEX posting_source_sequence, posting_destination_sequence, event_of_transaction;"
            " ALTER TABLE payments_posting ALTER source_id DROP NOT NULL"
        )
        cursor.execute(statement)
        assert cursor.rowcount > 0


POSTING = (
    "INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id, source_sequence,"
    " source_balance, destination_sequence, destination_balance) VALUES "
)
CREDIT = "UPDATE payments_posting SET {} WHERE transaction_id = {{credit}}"
EVENT = "UPDATE payments_webhookevent SET {} WHERE id = {{event}}"
#: The kinds that must be named; what else follows from the same corruption may be named too.
CORRUPTIONS: dict[str, tuple[str, set[str]]] = {
    "a balance raised": ("UPDATE payments_wallet SET balance = balance + 1 WHERE id = {alice}",
        {"wallet_balance", "currency_total"}),
    "money given to an unused wallet": ("UPDATE payments_wallet SET balance = 1 WHERE id = {spare}",
        {"wallet_balance", "currency_total"}),
    "money taken from one and given to another": (
        ("UPDATE payments_wallet SET balance = balance + CASE id WHEN {alice} THEN -1 ELSE 1 END"
        " WHERE id IN ({alice}, {bob})"),
        {"wallet_balance"}),
    "a sequence moved": ("UPDATE payments_wallet SET sequence = sequence + 1 WHERE id = {alice}", {"wallet_sequence"}),
    "something held for nothing": ("UPDATE payments_wallet SET held = 1 WHERE id = {alice}", {"wallet_held"}),
    "a balance below zero": ("UPDATE payments_wallet SET balance = -1 WHERE id = {spare}",
        {"wallet_overdrawn", "wallet_balance"}),
    "more held than there is": ("UPDATE payments_wallet SET held = 1000 WHERE id = {alice}", {"wallet_overdrawn"}),
    "a house wallet with a balance of its own": ("UPDATE payments_wallet SET balance = 5 WHERE id = {sales}",
        {"wallet_house"}),
    "a user's wallet in the house's range": (
        "UPDATE payments_wallet SET id = 9000000000999999 WHERE id = {spare}", {"wallet_house"}),
    "a wallet of nobody": ("UPDATE payments_wallet SET owner_id = NULL WHERE id = {spare}", {"wallet_house"}),
    "a wallet gone": ("DELETE FROM payments_wallet WHERE id = {bob}", {"posting_wallet", "currency_total"}),
    "a wallet of another currency": ("UPDATE payments_wallet SET currency_id = 'EUR' WHERE id = {bob}",
        {"posting_currency", "currency_total"}),
    "a posting deleted": ("DELETE FROM payments_posting WHERE transaction_id = {credit}",
        {"transaction_empty", "line_sequence", "line_balance", "wallet_balance", "wallet_sequence",
         "currency_total", "event_postings"}),
    "a posting's amount raised": (CREDIT.format("amount = amount + 1"),
        {"line_balance", "wallet_balance", "currency_total", "event_amount"}),
    "a posting from another wallet": (CREDIT.format("source_id = {sales}"), {"event_source"}),
    "a posting to another wallet": (CREDIT.format("destination_id = {bob}, destination_sequence = 99"),
        {"event_wallet", "event_owner", "line_sequence", "wallet_balance"}),
    "a posting of nothing": (POSTING + "({transfer}, 'USD', 0, {clearing}, {sales}, NULL, NULL, NULL, NULL)",
        {"posting_amount"}),
    "a posting of no number": (POSTING + "({transfer}, 'USD', 'NaN', {clearing}, {sales}, NULL, NULL, NULL, NULL)",
        {"posting_amount", "currency_total"}),
    "a posting from a wallet to itself": (
        POSTING + "({transfer}, 'USD', 1, {clearing}, {clearing}, NULL, NULL, NULL, NULL)", {"posting_sides"}),
    "a posting in another currency": (CREDIT.format("currency_id = 'EUR'"), {"posting_currency"}),
    "a posting without a source": (CREDIT.format("source_id = NULL"), {"posting_wallet", "currency_total"}),
    "a posting that no number shows": (
        POSTING + "({transfer}, 'USD', 1, {clearing}, {alice}, NULL, NULL, NULL, NULL)",
        {"posting_unnumbered", "currency_total"}),
    "a number taken away": (CREDIT.format("destination_sequence = NULL"),
        {"posting_unnumbered", "line_sequence", "wallet_sequence"}),
    "a house wallet numbered": (CREDIT.format("source_sequence = 1, source_balance = 1"), {"posting_numbered"}),
    "a posting of no transaction": (CREDIT.format("transaction_id = -1"),
        {"posting_transaction", "transaction_empty", "event_postings"}),
    "a transaction gone": ("DELETE FROM payments_transaction WHERE id = {credit}",
        {"posting_transaction", "event_transaction"}),
    "a number twice, once as source and once as destination": (
        ("UPDATE payments_posting SET source_sequence = source_sequence - 1 WHERE transaction_id = {transfer}"
        " AND destination_id = {bob}"),
        {"line_sequence"}),
    "a gap in the numbers": (
        ("UPDATE payments_posting SET destination_sequence = 100 WHERE destination_id = {alice}"
        " AND destination_sequence = (SELECT max(destination_sequence) FROM payments_posting"
        " WHERE destination_id = {alice})"),
        {"line_sequence"}),
    "a recorded balance changed": (CREDIT.format("destination_balance = destination_balance + 1"),
        {"line_balance", "event_balance"}),
    "a transaction older than the one before it": (
        "UPDATE payments_transaction SET created_at = created_at - interval '1 day' WHERE id = {transfer}",
        {"line_time"}),
    "an invented kind": ("UPDATE payments_transaction SET kind = 'gift' WHERE id = {transfer}", {"transaction_kind"}),
    "an empty transaction": (
        "INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('refund', '', now())",
        {"transaction_empty"}),
    "an order's amount changed": ("UPDATE payments_deposit SET amount = amount + 1 WHERE id = {deposit}",
        {"order_postings"}),
    "a commission forgotten": ("UPDATE payments_withdrawal SET commission = 1 WHERE id = {withdrawal}",
        {"order_postings"}),
    "proceeds changed": ("UPDATE payments_exchange SET proceeds = proceeds + 1 WHERE id = {exchange}",
        {"order_postings"}),
    "a transfer to another wallet": ("UPDATE payments_transfer SET destination_id = {spare} WHERE id = {sent}",
        {"order_postings"}),
    "a reversal of something else": ("UPDATE payments_reversal SET original_id = {credit} WHERE id = {reversal}",
        {"order_postings"}),
    "a reversal that is none": ("UPDATE payments_reversal SET transaction_id = {transfer} WHERE id = {reversal}",
        {"order_transaction", "order_postings", "transaction_order"}),
    "an order that lost its transaction": (
        "UPDATE payments_exchange SET transaction_id = -1 WHERE id = {exchange}",
        {"order_transaction", "order_postings", "transaction_order"}),
    "an order of somebody else": ("UPDATE payments_deposit SET user_id = {bob_himself} WHERE id = {deposit}",
        {"order_owner"}),
    "an order removed": ("DELETE FROM payments_transfer WHERE id = {sent}", {"transaction_order"}),
    "a withdrawal called paid": (
        "UPDATE payments_withdrawal SET status = 'paid' WHERE status = 'pending'",
        {"wallet_held", "order_transaction"}),
    "an event forgotten": ("DELETE FROM payments_webhookevent WHERE id = {event}", {"transaction_event"}),
    "an event's amount changed": (EVENT.format("amount = amount + 1"), {"event_amount"}),
    "an event's balance changed": (EVENT.format("balance = balance + 1"), {"event_balance"}),
    "an event's wallet changed": (EVENT.format("account_id = {bob}"), {"event_wallet"}),
    "an event's user changed": (EVENT.format("user_id = {bob_himself}"), {"event_owner"}),
    "an event of another kind": (EVENT.format("transaction_id = {transfer}"),
        {"event_transaction", "event_reference", "transaction_event"}),
    "an event that lost its transaction": (EVENT.format("transaction_id = NULL"),
        {"event_transaction", "transaction_event"}),
    "an event's id changed": (EVENT.format("external_id = '77'"), {"event_reference"}),
    "an event called unmatched": (EVENT.format("verdict = 'unmatched'"), {"event_uncredited", "transaction_event"}),
    "a second event for one credit": (
        ("INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, verdict, reason,"
        " transaction_id, balance) SELECT provider_id, '78', user_id, account_id, amount, verdict, reason,"
        " transaction_id, balance FROM payments_webhookevent WHERE id = {event}"),
        {"event_repeated", "event_reference"}),
    "a deposit with a second posting": (
        POSTING + "({credit}, 'USD', 1, {clearing}, {sales}, NULL, NULL, NULL, NULL)", {"event_postings"}),
    "a checkpoint's balance changed": (
        "UPDATE payments_housecheckpoint SET balance = 1 WHERE wallet_id = {sales}", {"checkpoint_balance"}),
    "a checkpoint behind the others' place": (
        "UPDATE payments_housecheckpoint SET posting_id = 1 WHERE wallet_id = {euro_clearing}", {"checkpoint_place"}),
    "checkpoints ahead of the books": (
        "UPDATE payments_housecheckpoint SET posting_id = 10 ^ 15", {"checkpoint_place"}),
    "a checkpoint of a user's wallet": (
        "INSERT INTO payments_housecheckpoint VALUES ({alice}, 0, 0)", {"checkpoint_wallet"}),
}  # fmt: skip


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_it_finds(stage: dict[str, Any], corruption: str) -> None:
    assert audit().is_sound
    statement, kinds = CORRUPTIONS[corruption]
    corrupt(statement.format(**stage))
    report = audit(limit=1000)
    assert kinds <= report.totals.keys()
    assert report.totals == {kind: len(named) for kind, named in report.differences.items()}


@pytest.mark.parametrize("kind", MEANINGS)
def test_every_kind_of_difference_was_seeded(kind: str) -> None:
    assert any(kind in kinds for _, kinds in CORRUPTIONS.values())


@pytest.mark.parametrize("kind", MEANINGS)
def test_every_kind_of_difference_is_explained(kind: str) -> None:
    assert f"\n| `{kind}` | " in (settings.BASE_DIR / "docs" / "ledger.md").read_text()


def test_it_names_the_wallet_and_both_values(stage: dict[str, Any]) -> None:
    corrupt(CORRUPTIONS["money given to an unused wallet"][0].format(**stage))
    [difference] = audit().differences["wallet_balance"]
    assert (difference.wallet, difference.expected, difference.found) == (stage["spare"], "0", "1.0000000000")
    assert str(difference) == f"wallet_balance: wallet {stage['spare']}: expected 0, found 1.0000000000"


def test_it_names_a_wrong_line_once_and_not_all_lines_after_it(stage: dict[str, Any]) -> None:
    corrupt(CREDIT.format("destination_balance = destination_balance + 1").format(**stage))
    named = audit().differences["line_balance"]
    assert named[0].transaction == stage["credit"]
    assert len(named) == 2  # it does not follow, and the next does not follow from it


@pytest.mark.parametrize("range_rows", [1, 2, 3, 1000])
def test_ranges_of_any_length_give_the_same_report(stage: dict[str, Any], range_rows: int) -> None:
    corrupt("UPDATE payments_posting SET amount = amount + 1")
    whole, ranged = audit(), audit(range_rows=range_rows)
    assert ranged.totals == whole.totals
    assert {k: sorted(map(str, v)) for k, v in ranged.differences.items()} == {
        k: sorted(map(str, v)) for k, v in whole.differences.items()
    }
    assert (ranged.house, ranged.users, ranged.checked) == (whole.house, whole.users, whole.checked)


def test_it_names_the_first_of_each_kind_and_counts_all(stage: dict[str, Any]) -> None:
    corrupt("UPDATE payments_posting SET amount = amount + 1")
    full, short = audit(limit=1000), audit(limit=2, range_rows=2)
    assert short.totals == full.totals
    assert max(map(len, short.differences.values())) == 2


def test_it_tells_its_progress(stage: dict[str, Any]) -> None:
    seen: list[tuple[int, int]] = []
    audit(on_progress=lambda done, total: seen.append((done, total)), range_rows=2)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_says_in_one_line_that_the_books_balance(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger")
    out, err = capsys.readouterr()
    assert out.startswith("The books balance: 17 postings, 11 transactions, 2 events, 1 deposits, ")
    assert out.count("\n") == 1
    assert err == ""


def test_the_command_exits_with_1_and_names_each_difference(
    stage: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    corrupt("UPDATE payments_wallet SET balance = balance + 1 WHERE house IS NULL")
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledger", limit=2)
    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert f"wallet_balance: wallet {stage['alice']}: expected 80" in out
    assert "... and 2 more" in out
    assert "currency_total: expected USD 0, found USD 3.0000000000" in out


def test_the_command_speaks_json(stage: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger", json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["balanced"] is True
    assert report["differences"] == {}
    assert report["users"] == {"EUR": "4.5000000000", "USD": "113.0000000000"}
    assert report["house"]["USD"]["sales"] == "1.0000000000"


def test_the_command_speaks_json_of_differences(stage: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    corrupt(CORRUPTIONS["something held for nothing"][0].format(**stage))
    with pytest.raises(SystemExit):
        call_command("check_ledger", json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["balanced"] is False
    assert report["differences"] == {
        "wallet_held": {
            "total": 1,
            "first": [
                {"kind": "wallet_held", "wallet": stage["alice"], "transaction": None, "event": None,
                 "expected": "7.0000000000", "found": "1.0000000000"},
            ],
        }
    }  # fmt: skip


@pytest.mark.parametrize("limit", [0, -3])
def test_the_command_refuses_to_name_nothing(db: None, limit: int) -> None:
    with pytest.raises(CommandError, match="--limit must be at least 1"):
        call_command("check_ledger", limit=limit)


def test_it_is_silent_on_empty_books(db: None) -> None:
    report = audit()
    assert report.is_sound
    assert report.checked["wallets"] == Wallet.objects.count()
