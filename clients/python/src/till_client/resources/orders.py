"""Deposits, withdrawals, where they go, and who settles them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from till_client.amounts import Amount, amount_text, optional_amount
from till_client.calls import (
    Call,
    D,
    PagedCall,
    Resource,
    at,
    get,
    listing,
    many,
    move,
    nothing,
    one,
    operation,
    send,
)
from till_client.records import (
    Deposit,
    DepositPreview,
    ExternalWallet,
    SettlementScope,
    Withdrawal,
    WithdrawalPreview,
)

OrderStatus = Literal["pending", "paid", "rejected", "cancelled"]
Settlement = Literal["paid", "rejected"]


class Deposits(Resource[D]):
    @operation
    def create(
        self,
        *,
        wallet: int,
        amount: Amount,
        provider: str | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Deposit]:
        members = {"provider": provider, "reference": reference, "metadata": metadata}
        key = idempotency_key
        return move("/deposits", one(Deposit), key, wallet=wallet, amount=amount_text(amount), **members)

    preview = create.preview(DepositPreview)

    @listing
    def list(
        self,
        *,
        status: OrderStatus | None = None,
        wallet: int | None = None,
        currency: str | None = None,
        provider: str | None = None,
        user: int | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Deposit]:
        query = {"status": status, "wallet": wallet, "currency": currency, "provider": provider, "user": user}
        own = {"reference": reference, "metadata": metadata}
        return get("/deposits", many(Deposit), **query, **own, from_=from_, to=to, limit=limit)

    @operation
    def get(self, deposit: int) -> Call[Deposit]:
        return get(at("deposits", deposit), one(Deposit))

    @operation
    def cancel(self, deposit: int) -> Call[Deposit]:
        return Call(method="POST", path=at("deposits", deposit, "cancel"), read=one(Deposit))

    @operation
    def settle(
        self, deposit: int, status: Settlement, *, reason: str | None = None, bank_reference: str | None = None
    ) -> Call[Deposit]:
        """Decide about it, once and for ever (for services and admins). The same again changes nothing."""
        members = {"status": status, "reason": reason, "bank_reference": bank_reference}
        call = send("PUT", at("deposits", deposit, "status"), one(Deposit), **members)
        return replace(call, is_repeatable=True)


class Withdrawals(Resource[D]):
    @operation
    def create(
        self,
        *,
        wallet: int,
        external_wallet: int,
        amount: Amount,
        provider: str | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Withdrawal]:
        """Hold the amount until somebody settles the withdrawal."""
        members = {"wallet": wallet, "external_wallet": external_wallet, "amount": amount_text(amount)}
        own = {"provider": provider, "reference": reference, "metadata": metadata}
        return move("/withdrawals", one(Withdrawal), idempotency_key, **members, **own)

    preview = create.preview(WithdrawalPreview)

    @listing
    def list(
        self,
        *,
        status: OrderStatus | None = None,
        wallet: int | None = None,
        currency: str | None = None,
        provider: str | None = None,
        user: int | None = None,
        reference: str | None = None,
        metadata: Mapping[str, str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[Withdrawal]:
        query = {"status": status, "wallet": wallet, "currency": currency, "provider": provider, "user": user}
        own = {"reference": reference, "metadata": metadata}
        return get("/withdrawals", many(Withdrawal), **query, **own, from_=from_, to=to, limit=limit)

    @operation
    def get(self, withdrawal: int) -> Call[Withdrawal]:
        return get(at("withdrawals", withdrawal), one(Withdrawal))

    @operation
    def cancel(self, withdrawal: int) -> Call[Withdrawal]:
        return Call(method="POST", path=at("withdrawals", withdrawal, "cancel"), read=one(Withdrawal))

    @operation
    def settle(
        self, withdrawal: int, status: Settlement, *, reason: str | None = None, bank_reference: str | None = None
    ) -> Call[Withdrawal]:
        """Decide about it, once and for ever (for services and admins). The same again changes nothing."""
        members = {"status": status, "reason": reason, "bank_reference": bank_reference}
        call = send("PUT", at("withdrawals", withdrawal, "status"), one(Withdrawal), **members)
        return replace(call, is_repeatable=True)


class ExternalWallets(Resource[D]):
    @operation
    def create(
        self, *, label: str, currency: str, kind: Literal["bank", "card", "crypto", "other"], details: Mapping[str, Any]
    ) -> Call[ExternalWallet]:
        members = {"label": label, "currency": currency, "kind": kind, "details": details}
        return send("POST", "/external-wallets", one(ExternalWallet), **members)

    @listing
    def list(
        self,
        *,
        currency: str | None = None,
        kind: str | None = None,
        user: int | None = None,
        limit: int | None = None,
    ) -> PagedCall[ExternalWallet]:
        return get("/external-wallets", many(ExternalWallet), currency=currency, kind=kind, user=user, limit=limit)

    @operation
    def get(self, external_wallet: int) -> Call[ExternalWallet]:
        return get(at("external-wallets", external_wallet), one(ExternalWallet))

    @operation
    def delete(self, external_wallet: int) -> Call[None]:
        return Call(method="DELETE", path=at("external-wallets", external_wallet), read=nothing)


class SettlementScopes(Resource[D]):
    """What services may settle (for admins)."""

    @listing
    def list(self, *, service: int | None = None, limit: int | None = None) -> PagedCall[SettlementScope]:
        return get("/settlement-scopes", many(SettlementScope), service=service, limit=limit)

    @operation
    def create(
        self,
        *,
        service: int,
        currency: str | None = None,
        provider: str | None = None,
        everything: bool | None = None,
        max_amount: Amount | None = None,
    ) -> Call[SettlementScope]:
        members = {"currency": currency, "provider": provider, "everything": everything}
        limit = {"max_amount": optional_amount(max_amount)}
        return send("POST", "/settlement-scopes", one(SettlementScope), service=service, **members, **limit)

    @operation
    def delete(self, scope: int) -> Call[None]:
        return Call(method="DELETE", path=at("settlement-scopes", scope), read=nothing)
