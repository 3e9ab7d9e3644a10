"""The one table, from exceptions to the types of problems. /docs/errors is generated from it.

Services raise plain exceptions and know no HTTP. One may carry `field` (which part of the request is meant),
`retry_after` (seconds) and `extra` (more members for the body). Its text is the detail, else its docstring.
"""

from django.core import exceptions as django_errors
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as drf_errors

from accounts import api_keys, links, models, services, tokens
from api import export_slots
from api.versions import StaleVersion
from catalog import models as shop_models
from catalog import services as shop
from config.problems.database_errors import database_problem
from config.problems.problem_types import (
    ADDRESS_TOO_LONG,
    BAD_REQUEST,
    BALANCE_TOO_LARGE,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    CSRF_FAILED,
    CURRENCY_MISMATCH,
    DATABASE_BUSY,
    DATABASE_UNAVAILABLE,
    HEAD_TOO_SLOW,
    HEADERS_TOO_LARGE,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_READY,
    OVERLOADED,
    PERMISSION_DENIED,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOO_MANY_STREAMS,
    UNDECIDED,
    UNREADABLE_BODY,
    UNREADABLE_TEXT,
    UNSUPPORTED_MEDIA_TYPE,
    USER_NOT_FOUND,
    WALLET_NOT_FOUND,
    Problem,
)
from legacy.views import AddressOff
from payments import models as money_models
from payments.api_keys.services import InvalidKeyTerms
from payments.commission import rules as commission_rules
from payments.deliveries import addresses as delivery_addresses
from payments.deliveries import services as deliveries
from payments.exchange import services as exchange
from payments.idempotency import service as idempotency
from payments.ledger import booking
from payments.ledger.services import currencies, reversals, wallets
from payments.money import InvalidAmount
from payments.orders import services as orders
from payments.orders.external_details import CardNumberRefused, InvalidDetails, UnknownDetail
from payments.orders.services import external_wallets
from payments.transfers import services as transfers
from payments.users import services as users
from payments.webhooks import notices, receiving
from payments.webhooks import services as providers
from staff import separation_of_duties

PROBLEMS: dict[type[BaseException], Problem] = {
    # --- the shape of a request ---
    drf_errors.ValidationError: INVALID_REQUEST,
    django_errors.ValidationError: INVALID_REQUEST,
    drf_errors.ParseError: Problem(400, "malformed_json", "The body cannot be read"),
    django_errors.SuspiciousOperation: BAD_REQUEST,
    django_errors.BadRequest: BAD_REQUEST,
    UnreadablePostError: UNREADABLE_BODY,
    drf_errors.NotFound: NOT_FOUND,
    Http404: NOT_FOUND,
    StaleVersion: Problem(412, "precondition_failed", "It was changed since you read it"),
    AddressOff: Problem(404, "address_off", "This address is somewhere else here"),
    drf_errors.MethodNotAllowed: METHOD_NOT_ALLOWED,
    drf_errors.NotAcceptable: Problem(406, "not_acceptable", "None of the accepted media types can be served"),
    django_errors.RequestDataTooBig: BODY_TOO_LARGE,
    drf_errors.UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE,
    # --- who asks, and how often ---
    drf_errors.NotAuthenticated: Problem(401, "not_authenticated", "Credentials are missing"),
    drf_errors.AuthenticationFailed: TOKEN_INVALID,
    drf_errors.PermissionDenied: PERMISSION_DENIED,
    django_errors.PermissionDenied: PERMISSION_DENIED,
    drf_errors.Throttled: Problem(429, "throttled", "Too many requests", retry_after=1),
    # --- API keys ---
    api_keys.UnknownKey: Problem(401, "api_key_invalid", "The API key is not valid"),
    api_keys.KeyRevoked: Problem(401, "api_key_revoked", "The API key was revoked"),
    api_keys.KeyExpired: Problem(401, "api_key_expired", "The API key has expired"),
    api_keys.KeyUserInactive: Problem(401, "api_key_user_inactive", "The service is disabled"),
    api_keys.NetworkNotAllowed: Problem(403, "network_not_allowed", "Not from this address"),
    api_keys.ScopeRequired: Problem(403, "scope_required", "The API key lacks a scope"),
    api_keys.ClosedToKeys: Problem(403, "closed_to_api_keys", "No API key may do this"),
    models.ApiKey.DoesNotExist: NOT_FOUND,
    InvalidKeyTerms: INVALID_REQUEST,
    # --- users ---
    services.InvalidCredentials: Problem(401, "invalid_credentials", "Email or password is wrong"),
    services.LoginLocked: Problem(429, "login_locked", "Too many failed logins", retry_after=60),
    services.SecondFactorRequired: Problem(401, "second_factor_required", "A code is needed too"),
    services.InvalidSecondFactor: Problem(401, "invalid_second_factor", "The code is not valid"),
    services.TooManyWrongCodes: Problem(429, "second_factor_locked", "Too many wrong codes", retry_after=60),
    services.WrongCode: Problem(400, "invalid_code", "The code is not valid"),
    services.SecondFactorEnabled: Problem(409, "second_factor_enabled", "The second factor is on"),
    services.NoSecondFactor: Problem(409, "no_second_factor", "The second factor is off"),
    services.NothingPending: Problem(409, "no_pending_second_factor", "No second factor waits for its first code"),
    services.EmailTaken: Problem(409, "email_taken", "The email belongs to another user"),
    services.WeakPassword: Problem(400, "weak_password", "The password is too weak"),
    services.WrongPassword: Problem(400, "invalid_password", "The current password is wrong"),
    services.OwnAccount: Problem(409, "own_account", "Not about yourself"),
    services.LastAdmin: Problem(409, "last_admin", "An active admin has to remain"),
    services.UnknownUser: USER_NOT_FOUND,
    users.UserHasMoney: Problem(409, "user_has_money", "The user has money here"),
    services.UnknownSession: NOT_FOUND,
    services.UserDeleted: Problem(409, "user_deleted", "The user was deleted"),
    links.InvalidLink: Problem(400, "invalid_link", "The link is not valid"),
    links.ExpiredLink: Problem(410, "expired_link", "The link has expired"),
    tokens.InvalidToken: TOKEN_INVALID,
    tokens.ExpiredToken: TOKEN_EXPIRED,
    # --- money ---
    separation_of_duties.OwnOrder: Problem(403, "own_order", "Not about your own money"),
    booking.InsufficientFunds: Problem(409, "insufficient_funds", "The wallet does not hold enough"),
    booking.CurrencyMismatch: CURRENCY_MISMATCH,
    booking.WalletNotFound: WALLET_NOT_FOUND,
    booking.SameWallet: Problem(422, "same_wallet", "Money moves between two different wallets"),
    booking.SerializationConflict: DATABASE_BUSY,
    InvalidAmount: Problem(422, "invalid_amount", "The amount breaks a rule of money"),
    booking.BalanceTooLarge: BALANCE_TOO_LARGE,
    idempotency.IdempotencyKeyRequired: Problem(
        400, "idempotency_key_required", "The header Idempotency-Key is missing"
    ),
    idempotency.InvalidIdempotencyKey: Problem(
        400, "invalid_idempotency_key", "The header Idempotency-Key is not valid"
    ),
    idempotency.IdempotencyKeyReused: Problem(
        422, "idempotency_key_reused", "The Idempotency-Key belongs to another request"
    ),
    wallets.TooManyWallets: Problem(409, "too_many_wallets", "There are too many wallets"),
    wallets.HouseWallet: Problem(422, "house_wallet", "Not for the house's wallets"),
    currencies.CurrencyExists: Problem(409, "currency_exists", "The currency exists already"),
    money_models.Currency.DoesNotExist: NOT_FOUND,
    money_models.Wallet.DoesNotExist: WALLET_NOT_FOUND,
    money_models.Transaction.DoesNotExist: NOT_FOUND,
    export_slots.TooManyExports: Problem(503, "too_many_exports", "Two of your exports are being sent", retry_after=5),
    reversals.AlreadyReversed: Problem(409, "already_reversed", "The transaction was reversed before"),
    reversals.NotReversible: Problem(409, "not_reversible", "This kind of transaction is not reversed"),
    reversals.WalletOverdrawn: Problem(409, "wallet_overdrawn", "The wallet is overdrawn"),
    # --- deposits and withdrawals ---
    money_models.Deposit.DoesNotExist: Problem(
        404, "deposit_not_found", "There is no such deposit", "There is no such deposit, or it is not yours to settle."
    ),
    money_models.Withdrawal.DoesNotExist: Problem(
        404,
        "withdrawal_not_found",
        "There is no such withdrawal",
        "There is no such withdrawal, or it is not yours to settle.",
    ),
    money_models.SettlementScope.DoesNotExist: NOT_FOUND,
    money_models.ExternalWallet.DoesNotExist: Problem(
        404,
        "external_wallet_not_found",
        "There is no such external wallet",
        "There is no such external wallet, or it is not yours, or it was deleted.",
    ),
    money_models.CommissionRule.DoesNotExist: NOT_FOUND,
    orders.AlreadySettled: Problem(409, "already_settled", "The order is settled already"),
    orders.TooManyPendingOrders: Problem(409, "too_many_pending_orders", "There are too many pending orders"),
    orders.ProviderUnavailable: Problem(422, "provider_unavailable", "The provider is not in use"),
    orders.InvalidScope: INVALID_REQUEST,
    orders.NotAService: Problem(422, "not_a_service", "The user is no service"),
    external_wallets.TooManyExternalWallets: Problem(
        409, "too_many_external_wallets", "There are too many external wallets"
    ),
    external_wallets.ExternalWalletInUse: Problem(409, "external_wallet_in_use", "A pending withdrawal goes there"),
    CardNumberRefused: Problem(422, "card_number_refused", "A card's number is not taken"),
    UnknownDetail: INVALID_REQUEST,
    InvalidDetails: Problem(422, "invalid_details", "The external wallet's details break a rule"),
    commission_rules.InvalidPeriod: Problem(422, "invalid_period", "The period is not possible"),
    commission_rules.RuleOverlap: Problem(409, "commission_rule_overlap", "Another rule is in force then"),
    commission_rules.RuleEnded: Problem(409, "commission_rule_ended", "The rule has ended"),
    commission_rules.RuleInUse: Problem(409, "commission_rule_in_use", "Orders refer to the rule"),
    # --- exchange and transfers ---
    money_models.ExchangeRate.DoesNotExist: Problem(
        404, "rate_not_found", "There is no such rate", "There is no rate in this direction."
    ),
    money_models.Quote.DoesNotExist: Problem(
        404, "quote_not_found", "There is no such quote", "There is no such quote, or it is not yours."
    ),
    exchange.InvalidRate: Problem(422, "invalid_rate", "The rate breaks a rule"),
    exchange.ConfirmationRequired: Problem(409, "confirm_required", "The rate moves far: confirm it"),
    exchange.RateUnavailable: Problem(422, "rate_unavailable", "There is no usable rate"),
    exchange.RateSlipped: Problem(409, "rate_slipped", "The rate has slipped"),
    exchange.QuoteExpired: Problem(409, "quote_expired", "The quote has expired"),
    exchange.QuoteUsed: Problem(409, "quote_used", "The quote was used"),
    exchange.TooManyQuotes: Problem(409, "too_many_quotes", "There are too many unused quotes"),
    exchange.SameCurrency: Problem(422, "same_currency", "The currencies are the same"),
    transfers.RecipientNotFound: Problem(404, "recipient_not_found", "There is no such recipient"),
    transfers.TransferLimitExceeded: Problem(409, "transfer_limit_exceeded", "The day's limit is reached"),
    # --- the shop ---
    shop_models.Product.DoesNotExist: Problem(
        404, "product_not_found", "There is no such product", "There is no such product, or it is not on sale."
    ),
    shop_models.Purchase.DoesNotExist: Problem(
        404,
        "purchase_not_found",
        "There is no such purchase",
        "There is no such purchase, or it is not yours to see.",
    ),
    currencies.CurrencyUnavailable: Problem(422, "currency_unavailable", "The currency is not in use"),
    shop.CurrencyFixed: Problem(409, "currency_fixed", "The currency cannot change any more"),
    shop.PriceChanged: Problem(409, "price_changed", "The price has changed"),
    shop.OutOfStock: Problem(409, "out_of_stock", "Not enough is left"),
    shop.RefundExceedsPurchase: Problem(409, "refund_exceeds_purchase", "The refund is more than what is left"),
    # --- webhooks ---
    money_models.Provider.DoesNotExist: NOT_FOUND,
    providers.ProviderInUse: Problem(409, "provider_in_use", "The provider has sent notices"),
    notices.MalformedEvent: Problem(400, "malformed_event", "The body is not a notice"),
    notices.BodyTooLarge: BODY_TOO_LARGE,
    notices.UnsupportedContentType: UNSUPPORTED_MEDIA_TYPE,
    receiving.QueueFull: OVERLOADED,
    receiving.DeadlinePassed: UNDECIDED,
    receiving.InvalidSignature: Problem(401, "invalid_signature", "The signature is not valid"),
    receiving.InvalidNotice: Problem(422, "invalid_notice", "The notice breaks a rule"),
    receiving.UserNotFound: USER_NOT_FOUND,
    receiving.CreditWalletNotFound: WALLET_NOT_FOUND,
    receiving.WalletOwnerMismatch: Problem(409, "wallet_owner_mismatch", "The wallet belongs to another user"),
    receiving.TransactionIdConflict: Problem(
        409, "transaction_id_conflict", "The transaction_id is known with other content"
    ),
    receiving.WalletCurrencyMismatch: CURRENCY_MISMATCH,
    receiving.CreditBalanceTooLarge: BALANCE_TOO_LARGE,
    receiving.EventNotReplayable: Problem(409, "event_not_replayable", "The event cannot be replayed"),
    # --- events out ---
    money_models.EventEndpoint.DoesNotExist: NOT_FOUND,
    delivery_addresses.InvalidUrl: Problem(422, "invalid_url", "Events are not sent to this address"),
    deliveries.InvalidTypes: Problem(422, "unknown_event_type", "There is no such type of events"),
    deliveries.InvalidRange: Problem(422, "invalid_range", "The range is not possible"),
    deliveries.TooManyEndpoints: Problem(409, "too_many_endpoints", "There are too many endpoints"),
    deliveries.EventsBehind: Problem(409, "events_behind", "Earlier events have no position yet"),
    deliveries.EndpointInactive: Problem(409, "endpoint_inactive", "The endpoint is switched off"),
}

#: Answers that are not made from an exception's class alone.
OTHERS = (
    *(HEAD_TOO_SLOW, ADDRESS_TOO_LONG, HEADERS_TOO_LARGE),
    *(UNREADABLE_TEXT, TOKEN_EXPIRED, CSRF_FAILED, BODY_TOO_SLOW, INTERNAL_ERROR),
    *(NOT_READY, OVERLOADED, TOO_MANY_STREAMS, DATABASE_UNAVAILABLE, DATABASE_BUSY),
)


def problem_for(error: BaseException) -> Problem | None:
    """Return the row of the error's nearest class in the table; None is for what nobody foresaw."""
    if isinstance(error, drf_errors.AuthenticationFailed) and error.get_codes() == TOKEN_EXPIRED.code:
        return TOKEN_EXPIRED
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    return database_problem(error)


def every_problem() -> list[Problem]:
    """Return each row once, by status and code: the page of errors."""
    return sorted({*PROBLEMS.values(), *OTHERS}, key=lambda problem: (problem.status, problem.code))
