"""The outcomes of a notice: a credit, or a named refusal."""

from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError

from payments.ledger.booking import SerializationConflict
from payments.webhooks.receiving import event_store
from payments.webhooks.receiving.provider_cache import CachedProvider


class WebhookRefused(Exception):
    """An authentic notice that could not be credited; staff find it among the events. `code` is its stable name."""

    code = "webhook_refused"

    def __str__(self) -> str:
        return type(self).__doc__ or self.code


class ProviderChanged(Exception):
    """Staff changed the provider since the signature was checked: check it again."""


class TransactionIdConflict(WebhookRefused):
    """This transaction_id was received before with other content."""

    code = "transaction_id_conflict"


class UserNotFound(WebhookRefused):
    """There is no such user; the notice is kept and can succeed when it is sent again later."""

    code = "user_not_found"


class CreditWalletNotFound(WebhookRefused):
    """There is no such wallet, and its id is not one that a provider may choose."""

    code = "wallet_not_found"


class WalletOwnerMismatch(WebhookRefused):
    """The wallet belongs to another user."""

    code = "wallet_owner_mismatch"


class WalletCurrencyMismatch(WebhookRefused):
    """The wallet holds another currency than the provider pays in."""

    code = "currency_mismatch"


class CreditBalanceTooLarge(WebhookRefused):
    """The wallet's balance would grow past what the ledger can hold."""

    code = "balance_too_large"


REFUSALS: dict[str, type[WebhookRefused]] = {
    refusal.code: refusal
    for refusal in (
        UserNotFound,
        CreditWalletNotFound,
        WalletOwnerMismatch,
        WalletCurrencyMismatch,
        CreditBalanceTooLarge,
    )
}


class Notice(NamedTuple):
    """An authentic, well-formed notice: the amount is positive and fits the currency, the ids are in range."""

    provider: CachedProvider
    external_id: str
    user_id: int
    #: FIRST_WALLET: the user's first wallet in the currency, opened when missing.
    account_id: int
    amount: Decimal
    #: Of a notice with a field map. Empty: the provider's.
    stated_currency: str = ""
    #: As they came, for staff. They are no part of what a repeat must have in common.
    body: str = ""
    headers: str = ""

    @property
    def key(self) -> event_store.Key:
        return self.provider.id, self.external_id

    @property
    def content(self) -> event_store.Content:
        return self.user_id, self.account_id, self.amount, self.stated_currency

    @property
    def currency(self) -> str:
        return self.stated_currency or self.provider.currency

    @property
    def decimal_places(self) -> int:
        provider = self.provider
        return provider.currencies[self.stated_currency] if self.stated_currency else provider.decimal_places

    def entry(
        self,
        status: str,
        reason: str,
        transaction_id: int | None = None,
        balance: Decimal | None = None,
        wallet_id: int | None = None,
    ) -> event_store.Entry:
        """Return the event to be written. `wallet_id` is what was credited, if the notice names no wallet."""
        return event_store.Entry(
            None,
            self.provider.id,
            self.external_id,
            self.user_id,
            self.account_id,
            self.amount,
            self.stated_currency,
            transaction_id,
            balance,
            wallet_id,
            status,
            reason,
            self.body,
            self.headers,
        )


class Credited(NamedTuple):
    """The result of a notice's first delivery. `duplicate`: this was a later one."""

    notice: Notice
    transaction_id: int
    balance: Decimal
    duplicate: bool
    wallet_id: int


class Ignored(NamedTuple):
    """An authentic event of a type that credits nobody. Nothing is stored of it."""

    slug: str


Outcome = Credited | WebhookRefused | ProviderChanged


def result(outcome: Outcome | Exception) -> Credited:
    """Return what was credited, or raise why it was not. SerializationConflict asks the sender to repeat."""
    if isinstance(outcome, (ProviderChanged, IntegrityError)):
        raise SerializationConflict from outcome
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
