"""Why the ledger does not book: refusals that callers pass on, conflicts that they retry, mistakes in their code."""

from decimal import Decimal


class LedgerError(Exception):
    """A transaction that the ledger refuses. None of it was booked. `field` names the input, if a caller knows it."""

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "")


class InsufficientFunds(LedgerError):
    """The wallet's available balance does not cover the amount."""

    #: What is available in the wallet, what is missing, and of which currency. Whoever may know it is told by
    #: payments.ledger.shortfall.
    available: Decimal | None = None
    missing: Decimal | None = None
    currency = ""
    extra: dict[str, str] | None = None


class CurrencyMismatch(LedgerError):
    """Both wallets must have the same currency."""


class SameWallet(LedgerError):
    """Money moves between two different wallets."""


class WalletNotFound(LedgerError):
    """There is no such wallet."""


class BalanceTooLarge(LedgerError):
    """The wallet's balance would have more digits than the ledger keeps."""


class SerializationConflict(Exception):
    """Another atomic block opened the same wallet at the same moment: roll back and run again."""


class InvalidTransaction(ValueError):
    """A transaction that no caller may ask for: a mistake in our own code, unlike a LedgerError."""


class StaleWallets(RuntimeError):
    """The wallets are no longer as they were when they were locked, as after a savepoint that was rolled back."""
