"""Signed notices in, credits out: who sent it (`reception`), and what it does to the books (`crediting`)."""

from payments.services.webhooks.committer import Committer, DeadlinePassed, QueueFull, Settled
from payments.services.webhooks.crediting import (
    BalanceTooLarge,
    Credited,
    Notice,
    Outcome,
    ProviderChanged,
    TransactionIdConflict,
    UserNotFound,
    WalletCurrencyMismatch,
    WalletNotFound,
    WalletOwnerMismatch,
    WebhookRefused,
    credit,
)
from payments.services.webhooks.reception import (
    ANY_FORM,
    InvalidNotice,
    InvalidSignature,
    authenticate,
    authenticate_from_memory,
    receive,
    recognise,
    result,
)
from payments.services.webhooks.registry import registry
from payments.services.webhooks.replay import EventNotReplayable, replay

__all__ = [
    "ANY_FORM",
    "BalanceTooLarge",
    "Committer",
    "Credited",
    "DeadlinePassed",
    "EventNotReplayable",
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
    "WalletNotFound",
    "WalletOwnerMismatch",
    "WebhookRefused",
    "authenticate",
    "authenticate_from_memory",
    "credit",
    "receive",
    "recognise",
    "registry",
    "replay",
    "result",
]
