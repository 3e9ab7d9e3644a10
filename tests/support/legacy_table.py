"""Every operation of other services' addresses: who may call it, and a valid request. As in operation_table.py."""

from tests.support.every_operation import Call, find, to
from tests.support.exchanges import store_rate
from tests.support.operation_table import Row
from tests.support.shop_users import PASSWORD

_LOGIN = {"password": PASSWORD}
_NEW = {"email": "new@example.com", "full_name": "New Comer", **_LOGIN}


def _exchange(source: int, target: int) -> Call:
    store_rate("USD", "EUR")
    store_rate("EUR", "USD", "1.1")
    return to({"from_wallet_id": source, "to_wallet_id": target, "amount": 10})


LEGACY_ROWS: dict[str, Row] = {
    # --- wallets ---
    "legacy_wallets_register": Row("201 201 201 201 201", lambda _: to(_NEW)),
    "legacy_wallets_login": Row(
        "200 200 200 200 200", lambda context: to({"username": context.the.owner.email, **_LOGIN})
    ),
    "legacy_wallets_service_login": Row(
        "200 200 200 200 200", lambda context: to({"email": context.the.owner.email, **_LOGIN})
    ),
    "legacy_wallets_service_login_by_post": Row(
        "200 200 200 200 200", lambda context: to({"email": context.the.owner.email, **_LOGIN})
    ),
    "legacy_wallets_register_service": Row("401 403 403 403 201", lambda _: to(_NEW)),
    "legacy_wallets_my_id": Row("401 200 200 200 200", lambda _: to()),
    "legacy_wallets_my_token": Row("401 200 200 200 200", lambda _: to()),
    "legacy_wallets_list": Row("401 200/404 403 200/404 200/404", lambda context: find(context.the.wallet)),
    "legacy_wallets_retrieve": Row(
        "401 200/404 403 200/404 200/404", lambda context: to({"wallet_id": context.the.wallet})
    ),
    "legacy_wallets_add_external": Row("401 201 403 201 201", lambda _: to({"description": "Cash"})),
    "legacy_wallets_transactions": Row("401 200/404 403 200/404 200/404", lambda context: find(context.the.deposit)),
    "legacy_wallets_transactions_of_one": Row(
        "401 200/404 403 200/404 200/404", lambda context: to({"wallet_id": context.the.wallet})
    ),
    "legacy_wallets_deposit": Row(
        "401 201/404 403 201/404 201/404", lambda context: to({"wallet_id": context.the.wallet, "amount": 10})
    ),
    "legacy_wallets_withdraw": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: to(
            {"wallet_id": context.the.wallet, "external_wallet_id": context.my.external_wallet, "amount": 10}
        ),
    ),
    "legacy_wallets_withdraw:external_wallet": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: to(
            {"wallet_id": context.my.wallet, "external_wallet_id": context.the.external_wallet, "amount": 10}
        ),
    ),
    "legacy_wallets_transfer": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: to(
            {"from_wallet_id": context.the.wallet, "to_wallet_id": context.my.second_wallet, "amount": 10}
        ),
    ),
    "legacy_wallets_transfer:to_wallet": Row(
        "401 201 403 201 201/201",
        lambda context: to(
            {"from_wallet_id": context.my.wallet, "to_wallet_id": context.the.second_wallet, "amount": 10}
        ),
    ),
    "legacy_wallets_exchange": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: _exchange(context.the.wallet, context.my.other_currency),
    ),
    "legacy_wallets_exchange:to_wallet": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: _exchange(context.my.wallet, context.the.other_currency),
    ),
    "legacy_wallets_settle_deposit": Row(
        "401 403 200/404 403 403/200", lambda context: to({"transaction_id": context.the.deposit, "status": "paid"})
    ),
    "legacy_wallets_settle_withdrawal": Row(
        "401 403 200/404 403 403/200",
        lambda context: to({"transaction_id": context.the.withdrawal, "status": "reject"}),
    ),
    # --- accounts ---
    "legacy_accounts_register": Row("201 201 201 201 201", lambda _: to(_NEW)),
    "legacy_accounts_login": Row(
        "200 200 200 200 200", lambda context: to({"email": context.the.owner.email, **_LOGIN})
    ),
    "legacy_accounts_about": Row("401 200 200 200 200", lambda _: to()),
    "legacy_accounts_own": Row("401 200/404 403 200/404 200/404", lambda context: find(context.the.wallet)),
    "legacy_accounts_payments": Row("401 200/404 403 200/404 200/404", lambda context: find(context.the.transaction)),
    "legacy_accounts_create_user": Row("401 403 403 403 201", lambda _: to(_NEW)),
    "legacy_accounts_update_user": Row(
        "401 403 403 403 200/200", lambda context: to({"full_name": "Another"}, user_id=context.the.owner.pk)
    ),
    "legacy_accounts_delete_user": Row("401 403 403 403 409/200", lambda context: to(user_id=context.the.owner.pk)),
    "legacy_users_list": Row("401 403 403 403 200/200", lambda context: find(context.the.owner.pk)),
    # --- shop ---
    "legacy_shop_register": Row("201 201 201 201 201", lambda _: to(_NEW)),
    "legacy_shop_login": Row("200 200 200 200 200", lambda context: to({"login": context.the.owner.email, **_LOGIN})),
    "legacy_shop_me": Row("401 200 403 200 200", lambda _: to()),
    "legacy_shop_switch_user": Row(
        "401 403 403 403 409/200", lambda context: to({"is_active": False}, id=context.the.owner.pk)
    ),
    "legacy_shop_products_list": Row("401 200 403 200 200", lambda context: find(context.product.pk)),
    "legacy_shop_products_list:archived": Row("401 404 403 404 200", lambda context: find(context.archived.pk)),
    "legacy_shop_products_create": Row("401 403 403 403 201", lambda _: to({"title": "Lamp", "price": "59.00"})),
    "legacy_shop_products_retrieve": Row("401 200 403 200 200", lambda context: to(id=context.product.pk)),
    "legacy_shop_products_retrieve:archived": Row("401 404 403 404 200", lambda context: to(id=context.archived.pk)),
    "legacy_shop_products_replace": Row(
        "401 403 403 403 200", lambda context: to({"price": "1.00"}, id=context.product.pk)
    ),
    "legacy_shop_products_change": Row(
        "401 403 403 403 200", lambda context: to({"price": "1.00"}, id=context.product.pk)
    ),
    "legacy_shop_products_delete": Row("401 403 403 403 200", lambda context: to(id=context.product.pk)),
    "legacy_shop_buy": Row(
        "401 201/404 403 201/404 201/404",
        lambda context: to({"product_id": context.product.pk, "bill_id": context.the.wallet}),
    ),
    "legacy_shop_buy:any_wallet": Row("401 201 403 201 201", lambda context: to({"product": context.product.pk})),
}
