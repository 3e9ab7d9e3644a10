"""The wallet service's money: deposits, withdrawals, transfers, exchanges, and how a service settles orders."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import CanSettle
from legacy.sign_in import created
from legacy.views import LegacyView, optionally_idempotent
from legacy.wallets import requests, serializers
from legacy.wallets.account_views import moved_to
from legacy.wallets.choice import chosen_wallet, newest_external_wallet, settled_lines
from payments.exchange.services import exchange
from payments.orders import services as orders
from payments.orders.serializers.examples import ALREADY_SETTLED, INSUFFICIENT_FUNDS
from payments.transfers.services import transfer


class WalletDepositView(LegacyView):
    addresses = {"POST": moved_to("POST /api/v1/deposits")}
    shapes = {"POST": requests.WalletDeposit}
    location = "/api/v1/deposits/{id}"

    @extend_schema(
        operation_id="legacy_wallets_deposit",
        tags=["wallets"],
        summary="Ask to bring money in",
        description="A transaction that is `pending` until a service says `paid` or `reject`.",
        request=requests.WalletDeposit,
        responses={201: serializers.WalletTransaction},
    )
    @optionally_idempotent
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        wallet = chosen_wallet(self.user, data)
        deposit = orders.request_deposit(user_id=self.user.pk, wallet_id=wallet.pk, amount=data["amount"])
        return created(serializers.order_line(deposit))


class WalletWithdrawView(LegacyView):
    addresses = {"POST": moved_to("POST /api/v1/withdrawals")}
    shapes = {"POST": requests.WalletWithdrawal}
    location = "/api/v1/withdrawals/{id}"

    @extend_schema(
        operation_id="legacy_wallets_withdraw",
        tags=["wallets"],
        summary="Ask to take money out",
        description="Works here: the amount is held until a service says `paid` or `reject`.",
        request=requests.WalletWithdrawal,
        responses={201: serializers.WalletTransaction, 409: INSUFFICIENT_FUNDS},
    )
    @optionally_idempotent
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        wallet = chosen_wallet(self.user, data)
        external = data.get("external_wallet_id") or newest_external_wallet(self.user, wallet)
        withdrawal = orders.request_withdrawal(
            user_id=self.user.pk, wallet_id=wallet.pk, external_wallet_id=external, amount=data["amount"]
        )
        return created(serializers.order_line(withdrawal))


class WalletTransferView(LegacyView):
    addresses = {"POST": moved_to("POST /api/v1/transfers")}
    shapes = {"POST": requests.WalletTransfer}
    location = "/api/v1/transfers/{id}"

    @extend_schema(
        operation_id="legacy_wallets_transfer",
        tags=["wallets"],
        summary="Send money to another wallet",
        description="Your own or another user's, of the same currency.",
        request=requests.WalletTransfer,
        responses={201: serializers.WalletTransaction, 409: INSUFFICIENT_FUNDS},
    )
    @optionally_idempotent
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        sent = transfer(
            user_id=self.user.pk,
            source_id=chosen_wallet(self.user, data, name="from_wallet_id").pk,
            destination_id=data["to_wallet_id"],
            amount=data["amount"],
        )
        return created(serializers.legacy_transfer_answer(sent))


class WalletExchangeView(LegacyView):
    addresses = {"POST": moved_to("POST /api/v1/exchanges")}
    shapes = {"POST": requests.WalletExchange}
    location = "/api/v1/exchanges/{id}"

    @extend_schema(
        operation_id="legacy_wallets_exchange",
        tags=["wallets"],
        summary="Exchange money of one currency for another's",
        description="At the rate of this moment, which has ten decimals.",
        request=requests.WalletExchange,
        responses={201: serializers.WalletExchanged, 409: INSUFFICIENT_FUNDS},
    )
    @optionally_idempotent
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        exchanged = exchange(
            user_id=self.user.pk,
            source_id=chosen_wallet(self.user, data, name="from_wallet_id", currency="from_currency").pk,
            destination_id=chosen_wallet(self.user, data, name="to_wallet_id", currency="to_currency").pk,
            amount=data["amount"],
        )
        return created(serializers.legacy_exchange_answer(exchanged))


class _SettlementView(LegacyView):
    permission_classes = (CanSettle,)
    shapes = {"PUT": requests.TransactionSettlement}

    def settlement(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Return the order's id, and what is said of it."""
        data = self.checked(request)
        settlement = "paid" if data["status"] == "paid" else "rejected"
        return data["transaction_id"], {"settlement": settlement, "reason": data["reason"], "by": self.user}


class SettleDepositView(_SettlementView):
    addresses = {"PUT": moved_to("PUT /api/v1/deposits/{id}/status")}

    @extend_schema(
        operation_id="legacy_wallets_settle_deposit",
        tags=["wallets"],
        summary="Settle a deposit (service)",
        description="Once, for ever. `transactions` has the deposit, the transfer to the user, and the comission.",
        request=requests.TransactionSettlement,
        responses={200: serializers.SettledTransaction, 409: ALREADY_SETTLED},
    )
    def put(self, request: Request) -> Response:
        order_id, settlement = self.settlement(request)
        deposit = orders.settle_deposit(deposit_id=order_id, **settlement)
        return Response(serializers.order_line(deposit) | {"transactions": settled_lines(deposit)})


class SettleWithdrawalView(_SettlementView):
    addresses = {"PUT": moved_to("PUT /api/v1/withdrawals/{id}/status")}

    @extend_schema(
        operation_id="legacy_wallets_settle_withdrawal",
        tags=["wallets"],
        summary="Settle a withdrawal (service)",
        description="Once, for ever. `transactions` has the withdrawal and the comission.",
        request=requests.TransactionSettlement,
        responses={200: serializers.SettledTransaction, 409: ALREADY_SETTLED},
    )
    def put(self, request: Request) -> Response:
        order_id, settlement = self.settlement(request)
        withdrawal = orders.settle_withdrawal(withdrawal_id=order_id, **settlement)
        return Response(serializers.order_line(withdrawal) | {"transactions": settled_lines(withdrawal)})
