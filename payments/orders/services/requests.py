"""Requests for money to come in or to go out, each carried out by itself."""

from decimal import Decimal

from payments.metadata.members import NOTHING, Attached
from payments.operations.plan import carry_out
from payments.orders.models import Deposit, Withdrawal
from payments.orders.plans.requests import DepositRequest, WithdrawalRequest


def request_deposit(
    *,
    user_id: int,
    wallet_id: int,
    amount: Decimal,
    provider: str | None = None,
    attached: Attached = NOTHING,
) -> Deposit:
    """Note that money shall come into a wallet of the user's own; nothing moves. Not idempotent.

    Locks the user, to count, then the wallet, so that it stays. Raises what `DepositRequest.decide` raises.
    """
    return carry_out(
        DepositRequest(
            user_id=user_id,
            wallet_id=wallet_id,
            amount=amount,
            provider=provider,
            attached=attached,
        )
    )


def request_withdrawal(
    *,
    user_id: int,
    wallet_id: int,
    external_wallet_id: int,
    amount: Decimal,
    provider: str | None = None,
    attached: Attached = NOTHING,
) -> Withdrawal:
    """Reserve money of a wallet of the user's own, to go to one of their external wallets. Not idempotent.

    Locks the user, the external wallet, then the wallet. Raises what `WithdrawalRequest.decide` raises.
    """
    return carry_out(
        WithdrawalRequest(
            user_id=user_id,
            wallet_id=wallet_id,
            external_wallet_id=external_wallet_id,
            amount=amount,
            provider=provider,
            attached=attached,
        )
    )
