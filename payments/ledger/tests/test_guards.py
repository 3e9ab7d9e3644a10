"""Each rule of money that PostgreSQL holds by itself: broken here by raw SQL, as psql or a bug would.

The refusal must name the guard, so that a test fails when its guard is gone even if another one steps in.
"""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from payments.ledger import booking
from payments.models import Currency, Provider, Wallet
from tests.support.ledger import CLEARING, book, hold_for_withdrawal, house_wallet, new_transaction, sql, wallet_of

POSTING = """
INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
    source_sequence, source_balance, destination_sequence, destination_balance)
VALUES ({transaction}, {currency}, {amount}, {source}, {destination}, {source_line}, {destination_line})
"""
HONEST = {
    "transaction": "{transaction}",
    "currency": "'USD'",
    "amount": "1",
    "source": "{alice}",
    "destination": "{bob}",
    "source_line": "2, 9",
    "destination_line": "1, 1",
}
EVENT = """
INSERT INTO payments_webhookevent
    (provider_id, external_id, user_id, account_id, amount, verdict, reason, transaction_id, balance)
VALUES ({provider}, %s, 1, 1, 5, %s)
"""


def posting(**lies: str) -> str:
    return POSTING.format(**{**HONEST, **lies})


def event(external_id: str, status: str) -> str:
    return EVENT % (f"'{external_id}'", status)


@pytest.fixture
def ids(alice: Any, bob: Any) -> dict[str, Any]:
    """The names that stand in braces in the statements below. Alice has 10 USD, credited by a webhook's event."""
    names = {
        "alice": wallet_of(alice),
        "bob": wallet_of(bob),
        "spare": wallet_of(bob),
        "euros": wallet_of(bob, "EUR"),
        "clearing": house_wallet(),
        "euro_clearing": house_wallet(CLEARING, "EUR"),
        "alice_herself": alice.pk,
        "bob_himself": bob.pk,
        "provider": Provider.objects.earliest("pk").pk,
    }
    credit = new_transaction((names["clearing"], names["alice"], "10"), kind="deposit")
    names["transaction"] = book(credit).transaction_id
    names["other_transaction"] = sql(
        "INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('transfer', '', now()) RETURNING id"
    )[0][0]
    sql(event("known", "'credited', '', {transaction}, 10").format(**names))
    sql(event("early", "'unmatched', 'user_not_found', NULL, NULL").format(**names))
    return names


BOOKED_STAYS = "what is booked stays"
KEPT = "a transaction id is kept for ever"
SPENDING = posting(destination="{clearing}", destination_line="NULL, NULL")
GUARDS = {
    # money cannot appear or vanish: a posting has two sides, one currency, and a positive amount
    "a posting without a source": (posting(source="NULL"), "not-null"),
    "a posting without a destination": (posting(destination="NULL"), "not-null"),
    "a posting of nothing": (posting(amount="0"), "amount_positive"),
    "a posting backwards": (posting(amount="-1"), "amount_positive"),
    "a posting of no number": (posting(amount="'NaN'"), "amount_is_a_number"),
    "a posting on one wallet": (posting(destination="{alice}"), "posting_sides_differ"),
    "a source of another currency": (
        posting(source="{euro_clearing}", source_line="NULL, NULL"),
        "posting_source_currency",
    ),
    "a destination of another currency": (posting(destination="{euros}"), "posting_destination_currency"),
    "a currency of neither side": (posting(currency="'EUR'"), "posting_source_currency"),
    "an unknown source": (posting(source="123"), "posting_source_currency"),
    "an unknown destination": (posting(destination="123"), "posting_destination_currency"),
    "an unknown transaction": (posting(transaction="-1"), "payments_transaction"),
    # what is booked stays
    "a changed posting": ("UPDATE payments_posting SET amount = 11", BOOKED_STAYS),
    "a deleted posting": ("DELETE FROM payments_posting", BOOKED_STAYS),
    "emptied postings": ("TRUNCATE payments_posting", BOOKED_STAYS),
    "a changed transaction": ("UPDATE payments_transaction SET kind = 'refund'", BOOKED_STAYS),
    "a deleted transaction": ("DELETE FROM payments_transaction WHERE id = {other_transaction}", BOOKED_STAYS),
    "emptied transactions": ("TRUNCATE payments_transaction CASCADE", BOOKED_STAYS),
    "an invented kind": (
        "INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('gift', '', now())",
        "transaction_kind_known",
    ),
    # numbers: each user's side has one, no house's has
    "a source's number twice": (f"{SPENDING}; {SPENDING}", "posting_source_sequence"),
    "a destination's number twice": (
        posting(source="{clearing}", source_line="NULL, NULL", destination="{alice}"),
        "posting_destination_sequence",
    ),
    "a number without a balance": (posting(source_line="2, NULL"), "posting_source_numbered"),
    "a balance without a number": (posting(destination_line="NULL, 1"), "posting_destination_numbered"),
    "the number zero": (posting(source_line="0, 9"), "sequence_from_one"),
    "a user's source unnumbered": (posting(source_line="NULL, NULL"), "posting_source_numbered_if_user"),
    "a user's destination unnumbered": (
        posting(destination_line="NULL, NULL"),
        "posting_destination_numbered_if_user",
    ),
    "a house's source numbered": (posting(source="{clearing}"), "posting_source_numbered_if_user"),
    "a house's destination numbered": (
        posting(destination="{clearing}"),
        "posting_destination_numbered_if_user",
    ),
    # wallets
    "a balance below zero": (
        "UPDATE payments_wallet SET balance = -1, sequence = 2 WHERE id = {alice}",
        "wallet_balance_covers_held",
    ),
    "more held than there is": (
        "UPDATE payments_wallet SET held = 11 WHERE id = {alice}",
        "wallet_balance_covers_held",
    ),
    "less than nothing held": (
        "UPDATE payments_wallet SET held = -1 WHERE id = {alice}",
        "held_not_negative",
    ),
    "a balance that is no number": (
        "UPDATE payments_wallet SET balance = 'NaN', sequence = 2 WHERE id = {alice}",
        "balance_is_a_number",
    ),
    "a balance without a posting": (
        "UPDATE payments_wallet SET balance = 11 WHERE id = {alice}",
        "a balance changes only by a posting",
    ),
    "a sequence backwards": (
        "UPDATE payments_wallet SET sequence = 0 WHERE id = {alice}",
        "a balance changes only by a posting",
    ),
    "a stolen wallet": (
        "UPDATE payments_wallet SET owner_id = {bob_himself} WHERE id = {alice}",
        "a wallet keeps its id, owner and currency",
    ),
    "another currency": (
        "UPDATE payments_wallet SET currency_id = 'EUR' WHERE id = {spare}",
        "a wallet keeps its id, owner and currency",
    ),
    "another id": ("UPDATE payments_wallet SET id = 7 WHERE id = {spare}", "a wallet keeps its id, owner and currency"),
    "a user's wallet for the house": (
        "UPDATE payments_wallet SET owner_id = NULL, house = 'sales' WHERE id = {spare}",
        "a wallet keeps its id, owner and currency",
    ),
    "a wallet born rich": (
        (
            "INSERT INTO payments_wallet (owner_id, currency_id, balance, held, sequence, created_at)"
            " VALUES ({alice_herself}, 'USD', 5, 0, 0, now())"
        ),
        "a wallet starts empty",
    ),
    "a wallet of nobody": (
        "INSERT INTO payments_wallet (currency_id, balance, held, sequence, created_at) VALUES ('USD', 0, 0, 0, now())",
        "a wallet is either a user's or the house's",
    ),
    "a wallet of two": (
        (
            "INSERT INTO payments_wallet (id, owner_id, house, currency_id, balance, held, sequence, created_at)"
            " VALUES (9000000000999999, {alice_herself}, 'sales', 'XTS', 0, 0, 0, now())"
        ),
        "a wallet is either a user's or the house's",
    ),
    "a wallet numbered backwards from the start": (
        (
            "INSERT INTO payments_wallet (owner_id, currency_id, balance, held, sequence, created_at)"
            " VALUES ({alice_herself}, 'XTS', 0, 0, -1, now())"
        ),
        "a wallet starts empty",
    ),
    "a wallet with the id zero": (
        (
            "INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)"
            " VALUES (0, {alice_herself}, 'USD', 0, 0, 0, now())"
        ),
        "ids of their own range",
    ),
    "a deleted wallet with history": ("DELETE FROM payments_wallet WHERE id = {alice}", "a wallet with history stays"),
    "a deleted house wallet": ("DELETE FROM payments_wallet WHERE id = {clearing}", "a wallet with history stays"),
    "emptied wallets": ("TRUNCATE payments_wallet CASCADE", "wallets stay"),
    # the house
    "a house wallet with a balance": (
        "UPDATE payments_wallet SET balance = 1, sequence = 1 WHERE id = {clearing}",
        "a house wallet's balance is derived",
    ),
    "a house wallet that holds": (
        "UPDATE payments_wallet SET held = 1, may_overdraw = true WHERE id = {clearing}",
        "a house wallet's balance is derived",
    ),
    "a house wallet with a user's id": (
        (
            "INSERT INTO payments_wallet (house, currency_id, balance, held, sequence, created_at)"
            " VALUES ('sales', 'XTS', 0, 0, 0, now())"
        ),
        "ids of their own range",
    ),
    "a user's wallet with a house's id": (
        (
            "INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)"
            " VALUES (9000000000999999, {alice_herself}, 'USD', 0, 0, 0, now())"
        ),
        "ids of their own range",
    ),
    "a second clearing": (
        (
            "INSERT INTO payments_wallet (id, house, currency_id, balance, held, sequence, created_at)"
            " VALUES (9000000000999999, 'clearing', 'USD', 0, 0, 0, now())"
        ),
        "wallet_house",
    ),
    "an invented house wallet": (
        (
            "INSERT INTO payments_wallet (id, house, currency_id, balance, held, sequence, created_at)"
            " VALUES (9000000000999999, 'pocket', 'USD', 0, 0, 0, now())"
        ),
        "the house has no such wallet",
    ),
    # who stays because money refers to him
    "a deleted user with a wallet": ("DELETE FROM accounts_user WHERE id = {alice_herself}", "payments_wallet"),
    "a deleted currency": ("DELETE FROM payments_currency WHERE code = 'USD'", "is still referenced"),
    "a deleted provider with events": ("DELETE FROM payments_provider WHERE id = {provider}", "payments_webhookevent"),
    "other decimals": (
        "UPDATE payments_currency SET decimal_places = 3 WHERE code = 'USD'",
        "a currency keeps its code and its decimals",
    ),
    "another code": (
        "UPDATE payments_currency SET code = 'XTS' WHERE code = 'USD'",
        "a currency keeps its code and its decimals",
    ),
    "too many decimals": (
        "INSERT INTO payments_currency (code, name, decimal_places, is_active) VALUES ('XTS', 'Test', 11, true)",
        "currency_decimal_places",
    ),
    "a code in small letters": (
        "INSERT INTO payments_currency (code, name, decimal_places, is_active) VALUES ('xts', 'Test', 2, true)",
        "currency_code",
    ),
    # notices
    "a notice twice": (event("known", "'unmatched', 'user_not_found', NULL, NULL"), "event_once"),
    "two notices for one credit": (event("other", "'credited', '', {transaction}, 10"), "event_of_transaction"),
    "a credit without a transaction": (event("other", "'credited', '', NULL, NULL"), "event_verdict_is_whole"),
    "a refusal with a transaction": (
        event("other", "'unmatched', 'user_not_found', {other_transaction}, 10"),
        "event_verdict_is_whole",
    ),
    "a refusal without a reason": (event("other", "'unmatched', '', NULL, NULL"), "event_verdict_is_whole"),
    "an invented verdict": (event("other", "'lost', 'x', NULL, NULL"), "verdict_known"),
    "a hold that is no number": (
        "UPDATE payments_wallet SET held = 'NaN', may_overdraw = true WHERE id = {alice}",
        "held_is_a_number",
    ),
    "a settled notice undone": (
        (
            "UPDATE payments_webhookevent SET verdict = 'unmatched', reason = 'x', transaction_id = NULL,"
            " balance = NULL WHERE external_id = 'known'"
        ),
        "a notice stays as it was received",
    ),
    "a settled notice moved": (
        "UPDATE payments_webhookevent SET transaction_id = {other_transaction} WHERE external_id = 'known'",
        "a notice stays as it was received",
    ),
    "a waiting notice changed": (
        "UPDATE payments_webhookevent SET amount = 500 WHERE external_id = 'early'",
        "a notice stays as it was received",
    ),
    "a waiting notice redirected": (
        "UPDATE payments_webhookevent SET account_id = {bob} WHERE external_id = 'early'",
        "a notice stays as it was received",
    ),
    "a deleted notice": ("DELETE FROM payments_webhookevent WHERE external_id = 'early'", KEPT),
    "emptied notices": ("TRUNCATE payments_webhookevent", KEPT),
}


@pytest.mark.parametrize("violation", GUARDS)
def test_postgresql_refuses(ids: dict[str, Any], violation: str) -> None:
    statement, guard = GUARDS[violation]
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        sql(statement.format(**ids))
    assert guard in str(refused.value)


def test_the_honest_posting_passes(ids: dict[str, Any]) -> None:
    """What the violations above differ from in one point each."""
    sql(posting().format(**ids))
    sql(event("other", "'credited', '', {other_transaction}, 10").format(**ids))
    hold_for_withdrawal(ids["alice"], "3")
    sql("DELETE FROM payments_wallet WHERE id = %s", ids["spare"])


def test_a_waiting_notice_can_be_credited_later(ids: dict[str, Any]) -> None:
    sql(
        "UPDATE payments_webhookevent SET verdict = 'credited', reason = '', transaction_id = %s, balance = 5"
        " WHERE external_id = 'early'",
        ids["other_transaction"],
    )


# --- ids ----------------------------------------------------------------------------------------------------


def test_the_services_own_wallet_ids_begin_at_ten_to_the_fifteenth(alice: Any) -> None:
    [(start, least, most)] = sql(
        "SELECT seqstart, seqmin, seqmax FROM pg_sequence"
        " WHERE seqrelid = pg_get_serial_sequence('payments_wallet', 'id')::regclass"
    )
    assert (start, least, most) == (10**15, 10**15, 9 * 10**15 - 1)
    assert 10**15 <= wallet_of(alice) < 9 * 10**15


def test_house_wallets_have_ids_that_every_client_can_read_exactly(db: None) -> None:
    ids = Wallet.objects.filter(house__isnull=False).values_list("pk", flat=True)
    assert ids
    assert all(9 * 10**15 <= id_ < 2**53 for id_ in ids)


# --- Python's half ------------------------------------------------------------------------------------------


def test_python_protects_what_money_refers_to(alice: Any) -> None:
    wallet = Wallet.objects.get(pk=wallet_of(alice, holding="1"))
    for referred in (wallet, wallet.currency, alice, Wallet.objects.get(pk=house_wallet())):
        with pytest.raises(ProtectedError):
            referred.delete()


def test_python_refuses_by_name_what_postgresql_refuses_by_rule(alice: Any, bob: Any) -> None:
    """docs/ledger.md, the table of guards: the same violation meets a named error before it reaches the database."""
    a, b, euros = wallet_of(alice, holding="1"), wallet_of(bob), wallet_of(bob, "EUR")
    refused = {
        booking.InsufficientFunds: new_transaction((a, b, "2")),
        booking.CurrencyMismatch: new_transaction((a, euros, "1")),
        booking.SameWallet: new_transaction((a, a, "1")),
        booking.WalletNotFound: new_transaction((a, 123, "1")),
    }
    for error, wrong in refused.items():
        [result] = booking.book([wrong])
        assert isinstance(result, booking.Refused)
        assert type(result.error) is error
    for wrong in (
        new_transaction((a, b, "0")),
        new_transaction((a, b, "-1")),
        new_transaction((a, b, "1"), kind="gift"),
        new_transaction(),
    ):
        with pytest.raises(booking.InvalidTransaction):
            booking.book([wrong])


def test_a_new_currency_has_decimals_that_the_ledger_keeps(db: None) -> None:
    with pytest.raises(ValidationError):
        Currency(code="XTS", name="Test", decimal_places=11).clean_fields()


# --- the page -----------------------------------------------------------------------------------------------


def test_the_table_of_guards_names_what_exists(db: None) -> None:
    page = (settings.BASE_DIR / "docs" / "ledger.md").read_text()
    rows = page.partition("## Guards")[2].partition("## check_ledger")[0].splitlines()
    promised = {name for row in rows for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", row.rpartition(" | ")[2])}
    existing = sql(
        "SELECT conname FROM pg_constraint UNION SELECT tgname FROM pg_trigger UNION SELECT relname FROM pg_class"
        " UNION SELECT typname FROM pg_type"
    )
    assert len(promised) > 30
    assert promised - {name for (name,) in existing} == {"check_ledger"}
