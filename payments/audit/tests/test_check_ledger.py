"""check_ledger finds every kind of difference, names it, and is silent on sound books.

The corruptions need the owner's rights and the guards switched off: what a bad restore, a careless superuser or a
bug in PostgreSQL could leave. DDL is rolled back with the test.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from payments.audit import MEANINGS, audit
from payments.exchange.services import exchange
from payments.ledger.services.reversals import reverse
from payments.models import Operation, Provider, Transaction, WebhookEvent
from payments.orders import services as orders
from payments.transfers.services import transfer
from payments.webhooks import receiving
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support import recipes
from tests.support.corruptions import CORRUPTIONS, CREDIT
from tests.support.every_operation import new_user
from tests.support.ledger import CLEARING, SALES, hold_for_withdrawal, house_wallet, sql, wallet_of
from tests.support.rollback import forgotten, kept_for_a_file

pytestmark = pytest.mark.slow

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
    "catalog_purchase",
)
#: Ids that no order has: a transaction names the one or the other.
CREDITS = (("7001", 7), ("7002", 8))


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    with kept_for_a_file(django_db_blocker):
        ids = sound_books(new_user("alice"), new_user("bob"))
        connection.check_constraints()
        yield ids


@pytest.fixture
def stage(books: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The books, as they were made; the names stand in braces in the corruptions."""
    with forgotten(check=False):
        yield books


def sound_books(alice: User, bob: User) -> dict[str, Any]:
    """A little of everything, and the ids of it by name."""
    provider_cache.invalidate()
    provider = provider_cache.get("sha1_colon")
    assert provider is not None
    a, b, spare = wallet_of(alice, holding="100"), wallet_of(bob, holding="5"), wallet_of(bob)
    receiving.credit([receiving.Notice(provider, id_, alice.pk, a, Decimal(amount)) for id_, amount in CREDITS])
    ids = some_orders(alice, bob, a, b)
    event = WebhookEvent.objects.get(external_id=CREDITS[0][0])
    sql("INSERT INTO payments_housecheckpoint SELECT id, 0, 0 FROM payments_wallet WHERE house IS NOT NULL")
    return {
        "alice": a, "bob": b, "spare": spare, "bob_himself": bob.pk,
        "clearing": house_wallet(), "sales": house_wallet(SALES), "euro_clearing": house_wallet(CLEARING, "EUR"),
        "credit": event.transaction_id, "event": event.pk, "provider": Provider.objects.get(slug="sha1_colon").pk,
        "transfer": sql("SELECT min(id) FROM payments_transaction WHERE kind = 'transfer'")[0][0], **ids,
    }  # fmt: skip


def some_orders(alice: Any, bob: Any, a: int, b: int) -> dict[str, int]:
    """One of each that claims a transaction of its own, with a commission where there can be one, and a hold."""
    staff = recipes.admin.make()
    for operation in Operation:
        recipes.commission_rule.make(operation=operation, percent=Decimal(10))
    recipes.exchange_rate.make()
    euros, five = wallet_of(alice, "EUR"), Decimal(5)
    transfer(user_id=alice.pk, source_id=a, destination_id=b, amount=Decimal(30))
    transfer(user_id=bob.pk, source_id=b, destination_id=a, amount=Decimal(2))
    deposit = orders.request_deposit(user_id=alice.pk, wallet_id=a, amount=five)
    orders.settle_deposit(deposit_id=deposit.pk, settlement="paid", by=staff)
    withdrawal, _ = hold_for_withdrawal(a, "5"), hold_for_withdrawal(a, "7")
    orders.settle_withdrawal(withdrawal_id=withdrawal.pk, settlement="paid", by=staff)
    sent = transfer(user_id=alice.pk, source_id=a, destination_id=b, amount=five)
    changed = exchange(user_id=alice.pk, source_id=a, destination_id=euros, amount=five)
    reversed_ = reverse(transaction_id=sent.transaction_id, reason="a mistake", staff=staff)
    ids = {"deposit": deposit, "withdrawal": withdrawal, "sent": sent, "exchange": changed, "reversal": reversed_}
    return {name: order.pk for name, order in ids.items()}


def corrupt(statement: str) -> None:
    """Run raw SQL with every guard off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(guards_off())
        cursor.execute(statement)
        assert cursor.rowcount > 0


@cache
def guards_off() -> str:
    """Statements against triggers, checks, rules of types, foreign keys and unique indexes."""
    tables = f"{{{','.join(TABLES)}}}"
    constraints = sql(
        "SELECT DISTINCT conrelid::regclass::text, conname::text FROM pg_constraint WHERE"
        " contype = 'f' AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[]))"
        " OR contype = 'c' AND conrelid = ANY(%s::regclass[])",
        tables, tables, tables,
    )  # fmt: skip
    rules = sql("SELECT contypid::regtype::text, conname FROM pg_constraint WHERE contypid::regtype::text ~ '^till_'")
    return ";".join(
        [
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES),
            *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in constraints),
            *(f"ALTER DOMAIN {domain} DROP CONSTRAINT {name}" for domain, name in rules),
            "DROP INDEX posting_source_sequence, posting_destination_sequence, event_of_transaction",
            "ALTER TABLE payments_posting ALTER source_id DROP NOT NULL",
        ]
    )


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_check_ledger_finds(stage: dict[str, Any], corruption: str) -> None:
    assert audit().is_sound
    statement, kinds = CORRUPTIONS[corruption]
    corrupt(statement.format(**stage))
    report = audit(limit=1000)
    assert kinds <= report.totals.keys()
    assert report.totals == {kind: len(named) for kind, named in report.differences.items()}


# --- money with no document ---------------------------------------------------------------------------------

#: What the service's own role may insert: honest rows, no guard off, and every sum comes out.
BY_HAND = """
WITH booked AS (
    INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('{kind}', '{reference}', clock_timestamp())
    RETURNING id
), moved AS (
    UPDATE payments_wallet SET balance = balance + 1000000, sequence = sequence + 1 WHERE id = {spare}
    RETURNING balance, sequence
)
INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id, destination_sequence,
    destination_balance)
SELECT booked.id, 'USD', 1000000, {clearing}, {spare}, sequence, balance FROM booked, moved
"""
KINDS = [kind for kind in Transaction.Kind if kind != Transaction.Kind.ADJUSTMENT]


@pytest.mark.parametrize("reference", ["", "mine", "{kind} 999999", "sha1_colon 999999"])
@pytest.mark.parametrize("kind", KINDS)
def test_check_ledger_names_what_is_booked_without_a_document(stage: dict[str, Any], kind: str, reference: str) -> None:
    sql(BY_HAND.format(**stage, kind=kind, reference=reference.format(kind=kind)))
    report = audit()
    is_event = kind == "deposit" and reference != "{kind} 999999"
    assert report.totals == {"transaction_event" if is_event else "transaction_order": 1}
    [[difference]] = report.differences.values()
    assert difference.transaction == Transaction.objects.latest("pk").pk


def test_postgresql_refuses_an_adjustment(stage: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="transaction_kind_known"):
        sql(BY_HAND.format(**stage, kind="adjustment", reference="mine"))


def test_check_ledger_names_an_adjustment_that_was_booked_before_they_were_refused(stage: dict[str, Any]) -> None:
    corrupt(BY_HAND.format(**stage, kind="adjustment", reference="mine"))
    assert audit().totals == {"transaction_order": 1}


@pytest.mark.parametrize("kind", MEANINGS)
def test_every_kind_of_difference_was_seeded(kind: str) -> None:
    assert any(kind in kinds for _, kinds in CORRUPTIONS.values())


@pytest.mark.parametrize("kind", MEANINGS)
def test_every_kind_of_difference_is_explained(kind: str) -> None:
    assert f"\n| `{kind}` | " in (settings.BASE_DIR / "docs" / "ledger.md").read_text()


def test_check_ledger_names_the_wallet_and_both_values(stage: dict[str, Any]) -> None:
    corrupt(CORRUPTIONS["money given to an unused wallet"][0].format(**stage))
    [difference] = audit().differences["wallet_balance"]
    assert (difference.wallet, difference.expected, difference.found) == (stage["spare"], "0", "1.0000000000")
    assert str(difference) == f"wallet_balance: wallet {stage['spare']}: expected 0, found 1.0000000000"


def test_check_ledger_names_a_wrong_posting_once_and_not_all_after_it(stage: dict[str, Any]) -> None:
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


def test_check_ledger_names_the_first_of_each_kind_and_counts_all(stage: dict[str, Any]) -> None:
    corrupt("UPDATE payments_posting SET amount = amount + 1")
    full, short = audit(limit=1000), audit(limit=2, range_rows=2)
    assert short.totals == full.totals
    assert max(map(len, short.differences.values())) == 2


def test_check_ledger_tells_its_progress(stage: dict[str, Any]) -> None:
    seen: list[tuple[int, int]] = []
    audit(on_progress=lambda done, total: seen.append((done, total)), range_rows=2)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_says_in_one_line_that_the_books_balance(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger")
    out, err = capsys.readouterr()
    assert out.startswith("The books balance: 18 postings, 11 transactions, 4 events, 1 deposits, ")
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
    assert f"wallet_balance: wallet {stage['alice']}: expected 78" in out
    assert "... and 2 more" in out
    assert "currency_total: expected USD 0, found USD 3.0000000000" in out


def test_the_command_speaks_json(stage: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger", json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["balanced"] is True
    assert report["differences"] == {}
    assert report["users"] == {"EUR": "4.5000000000", "USD": "110.8000000000"}
    assert report["house"]["USD"]["commission"] == "4.2000000000"


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
