"""Till's API for Python: typed, sync (`Till`) and async (`AsyncTill`), safe to retry. README.md shows how."""

from till_client.amounts import Amount
from till_client.clients import AsyncTill, Till
from till_client.errors import (
    AlreadySettled,
    Conflict,
    FieldProblem,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientFunds,
    InvalidCredentials,
    InvalidSignature,
    NoAnswer,
    NotFound,
    OutOfStock,
    PreconditionFailed,
    PriceChanged,
    Problem,
    QuoteExpired,
    QuoteUsed,
    RateLimited,
    RateSlipped,
    ServerProblem,
    SignInRequired,
    TillError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    ValidationProblem,
)
from till_client.notices import SignedNotice, sign_notice
from till_client.records import *  # noqa: F403 - every one of them
from till_client.records import __all__ as _records
from till_client.session import Retries, Tokens
from till_client.webhooks import construct_event

__all__ = [
    "AlreadySettled",
    "Amount",
    "AsyncTill",
    "Conflict",
    "FieldProblem",
    "Forbidden",
    "IdempotencyKeyReused",
    "InsufficientFunds",
    "InvalidCredentials",
    "InvalidSignature",
    "NoAnswer",
    "NotFound",
    "OutOfStock",
    "PreconditionFailed",
    "PriceChanged",
    "Problem",
    "QuoteExpired",
    "QuoteUsed",
    "RateLimited",
    "RateSlipped",
    "Retries",
    "ServerProblem",
    "SignInRequired",
    "SignedNotice",
    "Till",
    "TillError",
    "Tokens",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "ValidationProblem",
    "construct_event",
    "sign_notice",
    *_records,
]
