"""Every operation of the API: who may call it, and a valid request. A new operation is one row here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from accounts import links
from tests.support.every_operation import PRODUCT, Call, OperationContext, find, notice, to
from tests.support.exchanges import store_rate
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, STANDARD
from tests.support.recipes import IBAN
from tests.support.second_factors import ready_authenticator, waiting_authenticator
from tests.support.shop_users import PASSWORD


def _buy(context: OperationContext) -> Call:
    return to({"product": context.product.pk, "wallet": context.the.wallet})


def _external(context: OperationContext) -> Call:
    return to({"label": "Bank", "currency": context.the.currency, "kind": "bank", "details": {"iban": IBAN}})


def _withdraw(wallet: int, external_wallet: int) -> Call:
    return to({"wallet": wallet, "external_wallet": external_wallet, "amount": "10.00"})


def _send(source: int, destination: int) -> Call:
    return to({"source": source, "destination": destination, "amount": "10.00"})


def _exchange(source: int, destination: int, **terms: Any) -> Call:
    store_rate("USD", "EUR")
    store_rate("EUR", "USD", "1.1")
    return to({"source": source, "destination": destination, **(terms or {"amount": "10.00"})})


def _new_key(context: OperationContext) -> Call:
    return to({"user": context.scope.service_id, "name": "A key", "scopes": ["deposits:read"]})


def _token(context: OperationContext) -> str:
    return links.activation_token(user=context.newcomer)


def _reset_token(context: OperationContext) -> str:
    return links.password_reset_token(user=context.the.owner)


def _email_token(context: OperationContext) -> str:
    return links.email_change_token(user=context.the.owner, email="another@example.com")


def _first_code(context: OperationContext) -> Call:
    return to({"code": waiting_authenticator(context.my.owner).code()})


def _next_code(context: OperationContext) -> Call:
    return to({**_LOGIN, "code": ready_authenticator(context.my.owner).code()})


_PAID, _LOGIN = {"status": "paid"}, {"password": PASSWORD}
_CHF = {"code": "CHF", "name": "Swiss franc", "decimal_places": 2}
_NEW_PASSWORD = {"current_password": PASSWORD, "new_password": "another horse 43"}
_NEW_EMAIL = {"current_password": PASSWORD, "new_email": "another@example.com"}
_RULE = {"operation": "deposit", "currency": "USD", "percent": "1"}
_PROVIDER = {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "secret": "known only to the two of us"}
_QUOTE = {"source_currency": "USD", "target_currency": "EUR", "amount": "10.00"}


def _quote() -> Call:
    store_rate("USD", "EUR")
    return to(_QUOTE)


def _rate(body: dict[str, Any] | None = None) -> Call:
    store_rate("USD", "EUR")
    return to(body, source="USD", target="EUR")


CALLERS = ("anonymous", "user", "service", "support", "admin")


class Row(NamedTuple):
    """What each of CALLERS is answered, and a valid request.

    Two statuses are those for the caller's own object and for another user's; where a row has such a pair, its single
    ones hold for both. A service's own are the orders that it is limited to. A list counts as 404 when the object is
    not in it.
    """

    statuses: str
    call: Callable[[OperationContext], Call]

    def by_caller(self) -> dict[str, tuple[int, ...]]:
        cells = (tuple(map(int, cell.split("/"))) for cell in self.statuses.split())
        return dict(zip(CALLERS, cells, strict=True))


#: By operation id. What stands after a colon is another way to call the same operation: it says which object is meant
#: where a request names several, or one that is special.
ROWS: dict[str, Row] = {
    "auth_register": Row("201 201 201 201 201", lambda _: to({"email": "new@example.com", **_LOGIN})),
    "auth_activate_by_link": Row("200 200 200 200 200", lambda context: to(token=_token(context))),
    "auth_activate": Row("200 200 200 200 200", lambda context: to(token=_token(context))),
    "auth_resend_activation": Row("202 202 202 202 202", lambda context: to({"email": context.newcomer.email})),
    "auth_login": Row("200 200 200 200 200", lambda context: to({"email": context.the.owner.email, **_LOGIN})),
    "auth_refresh": Row("200 200 200 200 200", lambda context: to({"refresh": context.login.refresh})),
    "auth_logout": Row("204 204 204 204 204", lambda context: to({"refresh": context.login.refresh})),
    "auth_sessions_list": Row("401 200/404 404 200/404 200/404", lambda context: find(str(context.session))),
    "auth_sessions_end": Row("401 204/404 404 204/404 204/404", lambda context: to(id=context.session)),
    "auth_sessions_end_all": Row("401 204 204 204 204", lambda _: to()),
    "auth_second_factor": Row("401 200 200 200 200", lambda _: to()),
    "auth_second_factor_begin": Row("401 200 200 200 200", lambda _: to(_LOGIN)),
    "auth_second_factor_confirm": Row("401 200 409 200 200", _first_code),
    "auth_second_factor_recovery_codes": Row("401 200 409 200 200", _next_code),
    "auth_second_factor_disable": Row("401 204 409 204 204", _next_code),
    "auth_change_password": Row("401 204 204 204 204", lambda _: to(_NEW_PASSWORD)),
    "auth_request_password_reset": Row("202 202 202 202 202", lambda context: to({"email": context.the.owner.email})),
    "auth_password_reset_page": Row("200 200 200 200 200", lambda context: to(token=_reset_token(context))),
    "auth_reset_password": Row(
        "204 204 204 204 204", lambda context: to({"new_password": "another horse 43"}, token=_reset_token(context))
    ),
    "auth_request_email_change": Row("401 202 202 202 202", lambda _: to(_NEW_EMAIL)),
    "auth_email_page": Row("200 200 200 200 200", lambda context: to(token=_email_token(context))),
    "auth_confirm_email": Row("200 200 200 200 200", lambda context: to(token=_email_token(context))),
    "users_me": Row("401 200 200 200 200", lambda _: to()),
    "users_me_update": Row("401 200 200 200 200", lambda _: to({"full_name": "Another Name"})),
    "users_list": Row("401 403 403 403 200/200", lambda context: find(context.the.owner.pk)),
    "users_create": Row("401 403 403 403 201", lambda _: to({"email": "new@example.com", **_LOGIN})),
    "users_retrieve": Row("401 403 403 403 200/200", lambda context: to(id=context.the.owner.pk)),
    "users_replace": Row(
        "401 403 403 403 200/200",
        lambda context: to(
            {"email": "new@example.com", "role": context.the.owner.role, "is_active": True}, id=context.the.owner.pk
        ),
    ),
    "users_change": Row(
        "401 403 403 403 200/200", lambda context: to({"full_name": "Another Name"}, id=context.the.owner.pk)
    ),
    "users_delete": Row("401 403 403 403 409/204", lambda context: to(id=context.the.owner.pk)),
    "users_enable": Row("401 403 403 403 200/200", lambda context: to(id=context.the.owner.pk)),
    "users_disable": Row("401 403 403 403 409/200", lambda context: to(id=context.the.owner.pk)),
    "wallets_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.wallet)),
    "wallets_open": Row("401 201 403 201 201", lambda _: to({"currency": "USD"})),
    "wallets_retrieve": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.wallet)),
    "wallets_statement": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.wallet)),
    "wallets_statement_csv": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.wallet)),
    "wallets_balance": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.wallet)),
    "wallets_allow_overdraft": Row(
        "401 403 403 403 403/200", lambda context: to({"may_overdraw": True}, id=context.the.wallet)
    ),
    "transactions_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.transaction)),
    "transactions_retrieve": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.transaction)),
    "transactions_reverse": Row(
        "401 403 403 403 403/201", lambda context: to({"reason": "A mistake."}, id=context.the.transaction)
    ),
    "currencies_list": Row("401 200 403 200 200", lambda _: to()),
    "currencies_retrieve": Row("401 200 403 200 200", lambda _: to(code="USD")),
    "currencies_open": Row("401 403 403 403 201", lambda _: to(_CHF)),
    "currencies_change": Row("401 403 403 403 200", lambda _: to({"name": "Dollar"}, code="USD")),
    "deposits_list": Row("401 200/404 200/404 200/404 200/200", lambda context: find(context.the.deposit)),
    "deposits_create": Row(
        "401 201/404 403 201/404 201/404", lambda context: to({"wallet": context.the.wallet, "amount": "10.00"})
    ),
    "deposits_retrieve": Row("401 200/404 200/404 200/404 200/200", lambda context: to(id=context.the.deposit)),
    "deposits_settle": Row("401 403 200/404 403 403/200", lambda context: to(_PAID, id=context.the.deposit)),
    "deposits_cancel": Row("401 200/404 403 200/404 200/404", lambda context: to(id=context.the.deposit)),
    "external_wallets_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.external_wallet)),
    "external_wallets_create": Row("401 201 403 201 201", _external),
    "external_wallets_retrieve": Row(
        "401 200/404 403 200/404 200/200", lambda context: to(id=context.the.external_wallet)
    ),
    "external_wallets_delete": Row(
        "401 204/404 403 204/404 204/404", lambda context: to(id=context.the.external_wallet)
    ),
    "withdrawals_list": Row("401 200/404 200/404 200/404 200/200", lambda context: find(context.the.withdrawal)),
    "withdrawals_create": Row(
        "401 201/404 403 201/404 201/404", lambda context: _withdraw(context.the.wallet, context.my.external_wallet)
    ),
    "withdrawals_create:external_wallet": Row(
        "401 201/404 403 201/404 201/404", lambda context: _withdraw(context.my.wallet, context.the.external_wallet)
    ),
    "withdrawals_retrieve": Row("401 200/404 200/404 200/404 200/200", lambda context: to(id=context.the.withdrawal)),
    "withdrawals_settle": Row("401 403 200/404 403 403/200", lambda context: to(_PAID, id=context.the.withdrawal)),
    "withdrawals_cancel": Row("401 200/404 403 200/404 200/404", lambda context: to(id=context.the.withdrawal)),
    "settlement_scopes_list": Row("401 403 403 403 200", lambda context: find(context.scope.pk)),
    "settlement_scopes_create": Row(
        "401 403 403 403 201", lambda context: to({"service": context.scope.service_id, "currency": "USD"})
    ),
    "settlement_scopes_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.scope.pk)),
    "settlement_scopes_delete": Row("401 403 403 403 204", lambda context: to(id=context.scope.pk)),
    "api_keys_list": Row("401 403 403 403 200", lambda context: find(context.api_key.key.pk)),
    "api_keys_create": Row("401 403 403 403 201", _new_key),
    "api_keys_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.api_key.key.pk)),
    "api_keys_revoke": Row("401 403 403 403 204", lambda context: to(id=context.api_key.key.pk)),
    "commission_rules_list": Row("401 403 403 403 200", lambda context: find(context.rule.pk)),
    "commission_rules_create": Row("401 403 403 403 201", lambda _: to(_RULE)),
    "commission_rules_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.rule.pk)),
    "commission_rules_end": Row("401 403 403 403 200", lambda context: to({"valid_until": None}, id=context.rule.pk)),
    "commission_rules_delete": Row("401 403 403 403 204", lambda context: to(id=context.rule.pk)),
    "transfers_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.transfer)),
    "transfers_create": Row(
        "401 201/404 403 201/404 201/404", lambda context: _send(context.the.wallet, context.my.second_wallet)
    ),
    "transfers_create:destination": Row(
        "401 201 403 201 201/201", lambda context: _send(context.my.wallet, context.the.second_wallet)
    ),
    "transfers_retrieve": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.transfer)),
    "rates_list": Row("401 200 403 200 200", lambda _: to()),
    "rates_retrieve": Row("401 200 403 200 200", lambda _: _rate()),
    "rates_set": Row("401 403 403 403 200", lambda _: _rate({"rate": "0.8", "confirm": True})),
    "rates_remove": Row("401 403 403 403 204", lambda _: _rate()),
    "quotes_create": Row("401 201 403 201 201", lambda _: _quote()),
    "quotes_retrieve": Row("401 200/404 403 200/404 200/404", lambda context: to(id=context.the.quote)),
    "exchanges_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.exchange)),
    "exchanges_create": Row(
        "401 201/404 403 201/404 201/404", lambda context: _exchange(context.the.wallet, context.my.other_currency)
    ),
    "exchanges_create:destination": Row(
        "401 201/404 403 201/404 201/404", lambda context: _exchange(context.my.wallet, context.the.other_currency)
    ),
    "exchanges_create:quote": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: _exchange(context.my.wallet, context.my.other_currency, quote=context.the.quote),
    ),
    "exchanges_retrieve": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.exchange)),
    "products_list": Row("401 200 403 200 200", lambda context: find(context.product.pk)),
    "products_list:archived": Row("401 404 403 404 200", lambda context: find(context.archived.pk)),
    "products_create": Row("401 403 403 403 201", lambda _: to(PRODUCT)),
    "products_retrieve": Row("401 200 403 200 200", lambda context: to(id=context.product.pk)),
    "products_retrieve:archived": Row("401 404 403 404 200", lambda context: to(id=context.archived.pk)),
    "products_replace": Row("401 403 403 403 200", lambda context: to(PRODUCT, id=context.product.pk)),
    "products_change": Row("401 403 403 403 200", lambda context: to({"price": "1.00"}, id=context.product.pk)),
    "products_delete": Row("401 403 403 403 204", lambda context: to(id=context.product.pk)),
    "purchases_list": Row("401 200/404 403 200/404 200/200", lambda context: find(context.the.purchase)),
    "purchases_create": Row("401 201/404 403 201/404 201/404", _buy),
    "purchases_retrieve": Row("401 200/404 403 200/404 200/200", lambda context: to(id=context.the.purchase)),
    "purchases_refunds_list": Row(
        "401 200/404 403 200/404 200/200", lambda context: to(purchase_id=context.the.purchase)
    ),
    "purchases_refund": Row(
        "401 403 403 403 403/201", lambda context: to({"amount": "1.00"}, purchase_id=context.the.purchase)
    ),
    "events_list": Row("401 403 403 403 200", lambda _: to()),
    "events_retrieve": Row("401 403 403 403 200", lambda context: to(position=context.position)),
    "providers_list": Row("401 403 403 403 200", lambda context: find(context.provider.pk)),
    "providers_create": Row("401 403 403 403 201", lambda _: to(_PROVIDER)),
    "providers_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.provider.pk)),
    "providers_change": Row("401 403 403 403 200", lambda context: to({"is_active": False}, id=context.provider.pk)),
    "providers_delete": Row("401 403 403 403 204", lambda context: to(id=context.provider.pk)),
    "providers_end_rotation": Row("401 403 403 403 200", lambda context: to(id=context.provider.pk)),
    "webhook_events_list": Row("401 403 403 403 200", lambda context: find(context.event.pk)),
    "webhook_events_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.event.pk)),
    "webhook_events_replay": Row("401 403 403 403 200", lambda context: to(id=context.event.pk)),
    "webhook_endpoints_list": Row("401 403 403 403 200", lambda context: find(context.endpoint.pk)),
    "webhook_endpoints_create": Row("401 403 403 403 201", lambda _: to({"url": "https://example.com/till"})),
    "webhook_endpoints_retrieve": Row("401 403 403 403 200", lambda context: to(id=context.endpoint.pk)),
    "webhook_endpoints_change": Row(
        "401 403 403 403 200", lambda context: to({"description": "The shop"}, id=context.endpoint.pk)
    ),
    "webhook_endpoints_delete": Row("401 403 403 403 204", lambda context: to(id=context.endpoint.pk)),
    "webhook_endpoints_rotate_secret": Row("401 403 403 403 200", lambda context: to(id=context.endpoint.pk)),
    "webhook_endpoints_test": Row("401 403 403 403 202", lambda context: to(id=context.endpoint.pk)),
    "webhook_endpoints_redeliver": Row(
        "401 403 403 403 202", lambda context: to({"event": "evt_1"}, id=context.endpoint.pk)
    ),
    "webhook_endpoints_deliveries": Row("401 403 403 403 200", lambda context: to(id=context.endpoint.pk)),
    "webhook": Row("200 200 200 200 200", lambda context: notice(STANDARD, context, provider="standard_webhooks")),
    "webhook_sha1_colon": Row("200 200 200 200 200", lambda context: notice(SHA1_COLON, context)),
    "webhook_sha256_concat": Row("200 200 200 200 200", lambda context: notice(SHA256_CONCAT, context)),
}
CALLS = {name: row.call for name, row in ROWS.items()}
