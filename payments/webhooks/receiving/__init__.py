"""Receives signed notices, and credits them.

A notice is verified (`authentication`), and credited with its neighbours (`batch`): in the event loop
(`group_commit`), or in a thread (`slow_path`, `retries`).
"""

from payments.webhooks.receiving.authentication import (
    InvalidNotice,
    InvalidSignature,
    authenticate,
    authenticate_from_memory,
    recognise,
    signs_fields,
)
from payments.webhooks.receiving.counting import count_ignored
from payments.webhooks.receiving.group_commit import DeadlinePassed, GroupCommitter, Outcomes, QueueFull
from payments.webhooks.receiving.outcomes import (
    CreditBalanceTooLarge,
    Credited,
    CreditWalletNotFound,
    Ignored,
    Notice,
    Outcome,
    ProviderChanged,
    TransactionIdConflict,
    UserNotFound,
    WalletCurrencyMismatch,
    WalletOwnerMismatch,
    WebhookRefused,
    result,
)
from payments.webhooks.receiving.provider_cache import provider_cache
from payments.webhooks.receiving.replay import EventNotReplayable, replay
from payments.webhooks.receiving.retries import credit
from payments.webhooks.receiving.slow_path import receive

__all__ = [
    "CreditBalanceTooLarge",
    "CreditWalletNotFound",
    "Credited",
    "DeadlinePassed",
    "EventNotReplayable",
    "GroupCommitter",
    "Ignored",
    "InvalidNotice",
    "InvalidSignature",
    "Notice",
    "Outcome",
    "Outcomes",
    "ProviderChanged",
    "QueueFull",
    "TransactionIdConflict",
    "UserNotFound",
    "WalletCurrencyMismatch",
    "WalletOwnerMismatch",
    "WebhookRefused",
    "authenticate",
    "authenticate_from_memory",
    "count_ignored",
    "credit",
    "provider_cache",
    "receive",
    "recognise",
    "replay",
    "result",
    "signs_fields",
]
