"""Signed notices in, credits out: who sent it (`reception`), and what it does to the books (`crediting`)."""

from payments.webhooks.receiving.authentication import (
    ANY_FORM,
    InvalidNotice,
    InvalidSignature,
    authenticate,
    authenticate_from_memory,
    receive,
    recognise,
    result,
)
from payments.webhooks.receiving.crediting import credit
from payments.webhooks.receiving.group_commit import DeadlinePassed, GroupCommitter, QueueFull, Settled
from payments.webhooks.receiving.outcomes import (
    CreditBalanceTooLarge,
    Credited,
    CreditWalletNotFound,
    Notice,
    Outcome,
    ProviderChanged,
    TransactionIdConflict,
    UserNotFound,
    WalletCurrencyMismatch,
    WalletOwnerMismatch,
    WebhookRefused,
)
from payments.webhooks.receiving.provider_cache import provider_cache
from payments.webhooks.receiving.replay import EventNotReplayable, replay

__all__ = [
    "ANY_FORM",
    "CreditBalanceTooLarge",
    "CreditWalletNotFound",
    "Credited",
    "DeadlinePassed",
    "EventNotReplayable",
    "GroupCommitter",
    "InvalidNotice",
    "InvalidSignature",
    "Notice",
    "Outcome",
    "ProviderChanged",
    "QueueFull",
    "Settled",
    "TransactionIdConflict",
    "UserNotFound",
    "WalletCurrencyMismatch",
    "WalletOwnerMismatch",
    "WebhookRefused",
    "authenticate",
    "authenticate_from_memory",
    "credit",
    "provider_cache",
    "receive",
    "recognise",
    "replay",
    "result",
]
