"""Currencies, wallets with their statements, transactions, transfers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from till_client.amounts import Amount, amount_text
from till_client.calls import Answer, Call, D, PagedCall, Resource, at, get, listing, many, move, one, operation, send
from till_client.records import (
    Balance,
    Currency,
    Statement,
    StatementLine,
    Transaction,
    Transfer,
    TransferPreview,
    Wallet,
)

Direction = Literal["sent", "received", "own"]


class Currencies(Resource[D]):
    @listing
    def list(self, *, limit: int | None = None) -> PagedCall[Currency]:
        return get("/currencies", many(Currency), limit=limit)

    @operation
    def get(self, code: str) -> Call[Currency]:
        return get(at("currencies", code), one(Currency))


class Wallets(Resource[D]):
    @listing
    def list(
        self,
        *,
        currency: str | None = None,
        user: int | None = None,
        house: str | None = None,
        limit: int | None = None,
    ) -> PagedCall[Wallet]:
        """Go through the own wallets; admins through all, or those of a `user`, or the house's."""
        return get("/wallets", many(Wallet), currency=currency, user=user, house=house, limit=limit)

    @operation
    def get(self, wallet: int) -> Call[Wallet]:
        return get(at("wallets", wallet), one(Wallet))

    @operation
    def open(self, currency: str) -> Call[Wallet]:
        return send("POST", "/wallets", one(Wallet), currency=currency)

    @operation
    def balance(self, wallet: int, *, at_time: datetime | None = None) -> Call[Balance]:
        return get(at("wallets", wallet, "balance"), one(Balance), at=at_time)

    @operation
    def statement(
        self, wallet: int, *, from_: datetime | None = None, to: datetime | None = None, limit: int | None = None
    ) -> Call[Statement]:
        """Return the balances before and after, with the first page of the lines."""
        return get(at("wallets", wallet, "statement"), one(Statement), from_=from_, to=to, limit=limit)

    @listing
    def statement_lines(
        self, wallet: int, *, from_: datetime | None = None, to: datetime | None = None, limit: int | None = None
    ) -> PagedCall[StatementLine]:
        path = at("wallets", wallet, "statement")
        return get(path, many(StatementLine, "lines"), from_=from_, to=to, limit=limit)

    @operation
    def statement_csv(self, wallet: int, *, from_: datetime | None = None, to: datetime | None = None) -> Call[str]:
        call = get(at("wallets", wallet, "statement.csv"), _text, from_=from_, to=to)
        return replace(call, headers={"Accept": "text/csv"})


def _text(answer: Answer) -> str:
    return answer.content.decode("utf-8-sig")


class Transactions(Resource[D]):
    @listing
    def list(
        self,
        *,
        kind: str | None = None,
        wallet: int | None = None,
        currency: str | None = None,
        user: int | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Transaction]:
        query = {"kind": kind, "wallet": wallet, "currency": currency, "user": user}
        return get("/transactions", many(Transaction), **query, from_=from_, to=to, limit=limit)

    @operation
    def get(self, transaction: int) -> Call[Transaction]:
        return get(at("transactions", transaction), one(Transaction))

    @operation
    def reverse(self, transaction: int, *, reason: str) -> Call[Transaction]:
        """Book the opposite, once (for admins)."""
        return send("POST", at("transactions", transaction, "reverse"), one(Transaction), reason=reason)


class Transfers(Resource[D]):
    @operation
    def create(
        self,
        *,
        source: int,
        amount: Amount,
        destination: int | None = None,
        recipient: str | None = None,
        note: str | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Transfer]:
        """Move money to a wallet (`destination`) or to a user's (`recipient`, an email)."""
        target = {"destination": destination, "recipient": recipient, "note": note}
        own = {"reference": reference, "metadata": metadata}
        amounts = {"amount": amount_text(amount)}
        return move("/transfers", one(Transfer), idempotency_key, source=source, **amounts, **target, **own)

    preview = create.preview(TransferPreview)

    @listing
    def list(
        self,
        *,
        direction: Direction | None = None,
        wallet: int | None = None,
        currency: str | None = None,
        user: int | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Transfer]:
        query = {"direction": direction, "wallet": wallet, "currency": currency, "user": user}
        own = {"reference": reference, "metadata": metadata}
        return get("/transfers", many(Transfer), **query, **own, from_=from_, to=to, limit=limit)

    @operation
    def get(self, transfer: int) -> Call[Transfer]:
        return get(at("transfers", transfer), one(Transfer))
