"""What PostgreSQL holds by itself of rates, quotes, exchanges and transfers: raw SQL breaks its teeth on each.

The refusal must name the guard, so that a test fails when its guard is gone even if another one steps in.
"""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from payments.ledger.services.wallets import open_wallet
from payments.models import Exchange, Transfer, Wallet
from tests.support import recipes
from tests.support.exchanges import new_quote, post_exchange, post_transfer, store_rate
from tests.support.ledger import wallet_with
from tests.support.rest import succeeded


def run(sql: str, *parameters: Any) -> None:
    """Run it and check what is deferred, as the commit would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def broken(name: str, sql: str, *parameters: Any) -> None:
    with pytest.raises(IntegrityError, match=name):
        run(sql, *parameters)


def copy(table: str, columns: str, **lies: str) -> str:
    """A statement that adds a row like the one that is there, but for the lies."""
    values = ", ".join(lies.get(column, column) for column in columns.split(", "))
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} ORDER BY id DESC LIMIT 1"  # noqa: S608 - ours


# --- rates ---
RATE = "source_currency_id, target_currency_id, rate, origin, as_of, updated_at"


@pytest.mark.parametrize(
    ("lies", "name"),
    [
        ({"source_currency_id": "'EUR'", "target_currency_id": "'USD'", "rate": "0"}, "exchange_rate_in_range"),
        ({"source_currency_id": "'EUR'", "target_currency_id": "'USD'", "rate": "-1"}, "exchange_rate_in_range"),
        ({"source_currency_id": "'EUR'", "target_currency_id": "'USD'", "rate": "'NaN'"}, "exchange_rate_in_range"),
        ({"target_currency_id": "source_currency_id"}, "exchange_rate_currencies_differ"),
        ({}, "exchange_rate_once"),
        ({"source_currency_id": "'XXX'"}, "source_currency_id"),
    ],
)
def test_a_rate_keeps_its_rules(db: None, lies: dict[str, str], name: str) -> None:
    store_rate()
    broken(name, copy("payments_exchangerate", RATE, **lies))


# --- quotes ---
QUOTE = "user_id, source_currency_id, target_currency_id, amount, rate, proceeds, commission, created_at, expires_at"


@pytest.mark.parametrize(
    ("lies", "name"),
    [
        ({"amount": "0", "commission": "0"}, "quote_positive"),
        ({"amount": "-1", "commission": "0"}, "quote_(positive|commission_in_range)"),
        ({"proceeds": "0"}, "quote_positive"),
        ({"rate": "0"}, "quote_positive"),
        ({"amount": "'NaN'"}, "quote_amount_is_a_number"),
        ({"proceeds": "'NaN'"}, "quote_amount_is_a_number"),
        ({"rate": "'NaN'"}, "quote_amount_is_a_number"),
        ({"proceeds": "proceeds + 0.0000000001"}, "quote_rounded_down"),
        ({"proceeds": "proceeds - 0.0000000001"}, "quote_rounded_down"),
        ({"commission": "-0.01"}, "quote_commission_in_range"),
        ({"commission": "amount + 0.01"}, "quote_commission_in_range"),
        ({"target_currency_id": "source_currency_id"}, "quote_currencies_differ"),
        ({"expires_at": "created_at"}, "quote_expires_later"),
        ({"user_id": "-1"}, "user_id"),
    ],
)
def test_a_quote_keeps_its_rules(alice: Any, lies: dict[str, str], name: str) -> None:
    store_rate()
    new_quote(alice)
    run(copy("payments_quote", QUOTE))
    broken(name, copy("payments_quote", QUOTE, **lies))


@pytest.mark.parametrize("change", ["rate = 2", "expires_at = expires_at + interval '1 day'", "user_id = user_id"])
def test_a_quote_stays_as_it_was_promised(alice: Any, change: str) -> None:
    store_rate()
    new_quote(alice)
    broken("a quote stays as it was promised", f"UPDATE payments_quote SET {change}")  # noqa: S608 - ours


# --- exchanges ---
EXCHANGE = (
    "user_id, source_id, destination_id, source_currency_id, target_currency_id, amount, rate, proceeds, remainder,"
    " commission, quote_id, transaction_id"
)


@pytest.fixture
def exchanged(alice: Any) -> Exchange:
    """100.10 dollars at a rate that leaves a remainder."""
    store_rate(value="0.8602150537")
    source, destination = wallet_with(alice, "USD", "1000"), open_wallet(owner_id=alice.pk, currency="EUR")
    quote = new_quote(alice, "100.10")
    succeeded(post_exchange(alice, source, destination, quote=quote))
    return Exchange.objects.get()


def another_transaction(owner: Any) -> str:
    wallet_with(owner, "USD", "1")
    return "(SELECT max(id) FROM payments_transaction)"


@pytest.mark.parametrize(
    ("lies", "name"),
    [
        ({"amount": "0", "proceeds": "0", "remainder": "0"}, "exchange_positive"),
        ({"rate": "-rate", "proceeds": "-proceeds", "remainder": "0"}, "exchange_(positive|adds_up)"),
        ({"rate": "'NaN'"}, "exchange_a"),
        ({"amount": "'NaN'", "proceeds": "'NaN'"}, "exchange_a"),
        ({"amount": "amount + 0.01"}, "exchange_adds_up"),
        ({"proceeds": "proceeds + 0.0000000001"}, "exchange_adds_up"),
        ({"remainder": "0"}, "exchange_adds_up"),
        (
            {"proceeds": "proceeds - 0.0000000001", "remainder": "remainder + 0.0000000001"},
            "exchange_remainder_in_range",
        ),
        (
            {"proceeds": "proceeds + 0.0000000001", "remainder": "remainder - 0.0000000001"},
            "exchange_remainder_in_range",
        ),
        ({"commission": "-1"}, "exchange_commission_in_range"),
        ({"commission": "amount + 1"}, "exchange_commission_in_range"),
        ({"target_currency_id": "source_currency_id"}, "exchange_currencies_differ"),
        ({"source_currency_id": "'GBP'"}, "exchange_source_currency"),
        ({"target_currency_id": "'GBP'"}, "exchange_destination_currency"),
        ({"source_id": "1"}, "exchange_source_currency"),
        ({"destination_id": "1"}, "exchange_destination_currency"),
        ({"quote_id": "quote_id"}, "quote_id"),
        ({"transaction_id": "transaction_id"}, "transaction_id"),
        ({"transaction_id": "-1"}, "transaction_id"),
        ({"user_id": "-1"}, "user_id"),
    ],
)
def test_an_exchange_keeps_its_rules(exchanged: Exchange, bob: Any, lies: dict[str, str], name: str) -> None:
    honest = {"quote_id": "NULL", "transaction_id": another_transaction(bob)}
    broken(name, copy("payments_exchange", EXCHANGE, **honest | lies))
    run(copy("payments_exchange", EXCHANGE, **honest))


def test_an_exchange_keeps_what_its_quote_promised(exchanged: Exchange, alice: Any, bob: Any) -> None:
    store_rate(value="0.5")
    cheaper = new_quote(alice, "100.10")
    honest = {"transaction_id": another_transaction(bob), "quote_id": str(cheaper)}
    broken("exchange_keeps_its_quote", copy("payments_exchange", EXCHANGE, **honest))


# --- transfers ---
TRANSFER = "user_id, recipient_id, source_id, destination_id, currency_id, amount, commission, note, transaction_id"


@pytest.fixture
def sent(alice: Any, bob: Any) -> Transfer:
    recipes.commission_rule.make(operation="transfer", fixed=Decimal("0.01"))
    target = open_wallet(owner_id=bob.pk, currency="USD")
    succeeded(post_transfer(alice, wallet_with(alice, "USD", "10"), "5", destination=target))
    return Transfer.objects.get()


@pytest.mark.parametrize(
    ("lies", "name"),
    [
        ({"amount": "0", "commission": "0"}, "transfer_amount_positive"),
        ({"amount": "'NaN'"}, "transfer_amount_is_a_number"),
        ({"commission": "-0.01"}, "transfer_commission_in_range"),
        ({"commission": "amount + 0.01"}, "transfer_commission_in_range"),
        ({"destination_id": "source_id"}, "transfer_wallets_differ"),
        ({"currency_id": "'EUR'"}, "transfer_source_currency"),
        ({"source_id": "1"}, "transfer_source_currency"),
        ({"destination_id": "1"}, "transfer_destination_currency"),
        ({"transaction_id": "transaction_id"}, "transaction_id"),
        ({"transaction_id": "-1"}, "transaction_id"),
        ({"recipient_id": "-1"}, "recipient_id"),
    ],
)
def test_a_transfer_keeps_its_rules(sent: Transfer, bob: Any, lies: dict[str, str], name: str) -> None:
    honest = {"transaction_id": another_transaction(bob)}
    broken(name, copy("payments_transfer", TRANSFER, **honest | lies))
    run(copy("payments_transfer", TRANSFER, **honest))


def test_both_wallets_of_a_transfer_have_its_currency(sent: Transfer, bob: Any) -> None:
    euros = str(open_wallet(owner_id=bob.pk, currency="EUR").pk)
    lies = {"transaction_id": another_transaction(bob), "destination_id": euros}
    broken("transfer_destination_currency", copy("payments_transfer", TRANSFER, **lies))


# --- what is made stays ---
@pytest.mark.parametrize("table", ["payments_exchange", "payments_transfer"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET amount = amount", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_made_stays_as_it_was(exchanged: Exchange, sent: Transfer, table: str, sql: str) -> None:
    run("SELECT 1")
    broken("is refused", sql.format(table))


def test_a_quote_that_served_stays(exchanged: Exchange) -> None:
    broken("quote_id", "DELETE FROM payments_quote")


def test_a_wallet_that_exchanged_stays(exchanged: Exchange) -> None:
    run("SELECT 1")
    broken("a wallet with history stays", f"DELETE FROM {Wallet._meta.db_table} WHERE id = %s", exchanged.source_id)  # noqa: S608 - ours
