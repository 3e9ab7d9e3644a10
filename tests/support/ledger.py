"""Wallets, money in them, and what the ledger has of it."""

from decimal import Decimal, localcontext
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Posting, Provider, Transaction, Wallet, Withdrawal
from payments.money import EXACT
from postgres.pipeline import Pipeline
from tests.support import recipes

CLEARING, SALES = Wallet.House.CLEARING, Wallet.House.SALES
_numbers = count(1)


def wallet_of(user: Any, currency: str = "USD", *, holding: str = "0") -> int:
    """Open a wallet for the user, with money from the outside world in it."""
    wallet_id: int = open_wallet(owner_id=user.pk, currency=currency).pk
    if Decimal(holding):
        fund(wallet_id, holding)
    return wallet_id


def wallet_with(owner: Any, currency: str, amount: str) -> Wallet:
    """Open a wallet with an id of our own and put money into it."""
    wallet = open_wallet(owner_id=owner.pk, currency=currency)
    fund(wallet.pk, amount)
    wallet.refresh_from_db()
    return wallet


def fund(wallet_id: int, amount: str) -> int:
    """Book a deposit from the outside world with the event that claims it; return the transaction's id."""
    wallet, provider = Wallet.objects.get(pk=wallet_id), Provider.objects.earliest("pk")
    assert wallet.owner_id is not None
    external_id = f"test-{next(_numbers)}"
    line = (house_wallet(CLEARING, wallet.currency_id), wallet_id, amount)
    booked = book(new_transaction(line, kind="deposit", reference=f"{provider.slug} {external_id}"))
    recipes.credited_event.make(
        provider=provider,
        external_id=external_id,
        user_id=wallet.owner_id,
        account_id=wallet_id,
        amount=Decimal(amount),
        transaction_id=booked.transaction_id,
        balance=booked.balances[wallet_id],
    )
    return booked.transaction_id


def open_provider_wallet(locked: booking.LockedWallets, wallet_id: int, owner: Any, currency: str = "USD") -> None:
    """Open a wallet under an id that a provider chose, in a pipeline of its own."""
    pipeline = Pipeline()
    have_opened = locked.queue_open([booking.NewWallet(wallet_id, owner.pk, currency)], pipeline)
    pipeline.run()
    have_opened()


def hold_for_withdrawal(wallet_id: int, amount: str) -> Withdrawal:
    """Reserve money of the wallet for a pending withdrawal."""
    wallet = Wallet.objects.get(pk=wallet_id)
    assert wallet.owner is not None
    account = recipes.bank_account.make(owner=wallet.owner, currency=wallet.currency)
    with transaction.atomic():
        booking.lock([wallet_id]).hold(wallet_id, Decimal(amount))
        return recipes.pending_withdrawal.make(
            user=wallet.owner, wallet=wallet, currency=wallet.currency, external_wallet=account, amount=Decimal(amount)
        )


def house_wallet(name: str = CLEARING, currency: str = "USD") -> int:
    return booking.house_wallet(name, currency)


def clearing_wallet(currency: str = "USD") -> int:
    return house_wallet(CLEARING, currency)


def new_transaction(
    *lines: tuple[int, int, str], kind: str = "transfer", reference: str = ""
) -> booking.NewTransaction:
    return booking.NewTransaction(
        kind, tuple(booking.NewPosting(a, b, Decimal(amount)) for a, b, amount in lines), reference
    )


def book(new: booking.NewTransaction) -> booking.Booked:
    [result] = booking.book([new])
    assert isinstance(result, booking.Booked), result
    return result


def book_transfer(*lines: tuple[int, int, str], kind: str = "transfer", reference: str = "") -> int:
    """Book one transaction; return its id."""
    return book(new_transaction(*lines, kind=kind, reference=reference)).transaction_id


def refusal(new: booking.NewTransaction) -> type[booking.LedgerError]:
    [result] = booking.book([new])
    assert isinstance(result, booking.Refused), result
    return type(result.error)


def balance_of(wallet: Wallet | int) -> Decimal:
    return Decimal(Wallet.objects.get(pk=getattr(wallet, "pk", wallet)).balance)


def house_balance(name: str, currency: str = "USD") -> Decimal:
    return next(h.balance for h in booking.house_balances() if (h.house, h.currency) == (name, currency))


def total_money(currency: str) -> Decimal:
    """Users' and house's money together: nothing at any time."""
    users = Wallet.objects.filter(owner__isnull=False, currency=currency).aggregate(Sum("balance"))["balance__sum"]
    with localcontext(EXACT):
        return (users or Decimal(0)) + sum(one.balance for one in booking.house_balances() if one.currency == currency)


def postings(transaction_id: int | None) -> list[tuple[int, int, str]]:
    assert transaction_id is not None
    lines = Transaction.objects.get(pk=transaction_id).postings.order_by("pk")
    return [(line.source_id, line.destination_id, f"{line.amount.normalize():f}") for line in lines]


def statement_of(wallet_id: int) -> list[tuple[Any, Any]]:
    """The wallet's numbers and the balances recorded with them, in the order of its statement."""
    out = Posting.objects.filter(source=wallet_id).values_list("source_sequence", "source_balance")
    into = Posting.objects.filter(destination=wallet_id).values_list("destination_sequence", "destination_balance")
    return sorted([*out, *into])


def sql(statement: str, *parameters: int | str) -> list[tuple[Any, ...]]:
    """Run raw SQL, as psql would, and everything that waits for the end of the atomic block."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall() if cursor.description else []
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return rows
