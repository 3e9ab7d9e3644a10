"""Exchanging: one transaction through the house's exchange wallets, in which each currency balances."""

from decimal import Decimal

from payments.exchange.models import Exchange
from payments.exchange.plan import (
    ExchangePlan,
    ExpectedRate,
    QuotedExchangePlan,
    QuoteExpired,
    QuoteUsed,
    RateSlipped,
)
from payments.metadata.members import NOTHING, Attached
from payments.operations.plan import carry_out

__all__ = ["ExpectedRate", "QuoteExpired", "QuoteUsed", "RateSlipped", "exchange", "exchange_quoted"]


def exchange(
    *,
    user_id: int,
    source_id: int,
    destination_id: int,
    amount: Decimal,
    expected: ExpectedRate | None = None,
    attached: Attached = NOTHING,
) -> Exchange:
    """Exchange at the rate that holds once the wallets are locked. Not idempotent.

    Locks both wallets, which must be the user's own. Raises what `ExchangePlan.decide` raises.
    """
    return carry_out(
        ExchangePlan(
            user_id=user_id,
            source_id=source_id,
            destination_id=destination_id,
            amount=amount,
            expected=expected,
            attached=attached,
        )
    )


def exchange_quoted(
    *, user_id: int, source_id: int, destination_id: int, quote_id: int, attached: Attached = NOTHING
) -> Exchange:
    """Exchange what a quote promised, once: whoever comes second waits for the quote's row, and is refused.

    Locks the quote, then both wallets, which must be the user's own. Raises what `QuotedExchangePlan.decide` raises.
    """
    return carry_out(
        QuotedExchangePlan(
            user_id=user_id,
            source_id=source_id,
            destination_id=destination_id,
            quote_id=quote_id,
            attached=attached,
        )
    )
