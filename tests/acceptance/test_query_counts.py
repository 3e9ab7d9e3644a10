"""How many statements an operation of a user's client may send: one that is added has to be meant.

Whoever makes an operation need fewer lowers its bound. The first statement of each signed-in request finds the user.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.every_operation import perform
from tests.support.one_cast import Cast
from tests.support.operation_table import ROWS

#: By operation id. SAVEPOINT and RELEASE count, which stand for the BEGIN and COMMIT of a request outside of a test.
MAX_STATEMENTS = {
    "auth_register": 12,
    "auth_activate_by_link": 5,
    "auth_activate": 5,
    "auth_resend_activation": 8,
    "auth_request_password_reset": 8,
    "auth_login": 17,
    "auth_refresh": 4,
    "auth_logout": 3,
    "auth_change_password": 11,
    "auth_second_factor": 1,
    "auth_second_factor_begin": 12,
    "auth_second_factor_confirm": 20,
    "auth_second_factor_recovery_codes": 16,
    "auth_second_factor_disable": 20,
    "auth_sessions_list": 2,
    "auth_sessions_end": 6,
    "auth_sessions_end_all": 9,
    "auth_password_reset_page": 3,
    "auth_reset_password": 14,
    "auth_request_email_change": 6,
    "auth_email_page": 3,
    "auth_confirm_email": 13,
    "users_me": 1,
    "users_me_update": 7,
    "wallets_list": 2,
    "wallets_open": 7,
    "wallets_retrieve": 2,
    "wallets_statement": 5,
    "wallets_statement_csv": 8,
    "wallets_balance": 4,
    "transactions_list": 6,
    "transactions_retrieve": 3,
    "currencies_list": 2,
    "currencies_retrieve": 2,
    "deposits_list": 2,
    "deposits_create": 19,
    "deposits_retrieve": 2,
    "deposits_cancel": 7,
    "external_wallets_list": 2,
    "external_wallets_create": 9,
    "external_wallets_retrieve": 2,
    "external_wallets_delete": 8,
    "withdrawals_list": 2,
    "withdrawals_create": 21,
    "withdrawals_retrieve": 2,
    "withdrawals_cancel": 13,
    "transfers_list": 2,
    "transfers_create": 21,
    "transfers_retrieve": 2,
    "rates_list": 2,
    "rates_retrieve": 2,
    "quotes_create": 13,
    "quotes_retrieve": 2,
    "exchanges_list": 2,
    "exchanges_create": 24,
    "exchanges_retrieve": 2,
    "products_list": 2,
    "products_retrieve": 2,
    "purchases_list": 2,
    "purchases_create": 19,
    "purchases_retrieve": 2,
    "purchases_refunds_list": 3,
    "webhook": 13,
    "webhook_sha1_colon": 13,
    "webhook_sha256_concat": 13,
}


def is_for_users(row: str) -> bool:
    return ":" not in row and any(status < 300 for status in ROWS[row].by_caller()["user"])


def test_every_operation_of_a_user_has_a_bound() -> None:
    assert set(MAX_STATEMENTS) == {row for row in ROWS if is_for_users(row)}


@pytest.mark.parametrize("row", MAX_STATEMENTS)
def test_an_operation_sends_no_more_statements_than_its_bound(cast: Cast, row: str) -> None:
    call = ROWS[row].call(cast.context(row, "user", "own"))
    with CaptureQueriesContext(connection) as statements:
        answer = perform(row, call, cast.callers["user"])
    assert answer.status_code < 300
    texts = [statement["sql"] for statement in statements]
    assert len(texts) <= MAX_STATEMENTS[row], "\n".join(texts)


@pytest.mark.parametrize("row", ["wallets_list", "transactions_list"])
def test_a_longer_page_sends_no_more_statements(cast: Cast, row: str) -> None:
    context = cast.context(row, "user", "own")
    assert context.the.second_wallet
    assert context.the.transfer
    assert context.the.purchase
    call = ROWS[row].call(context)
    with CaptureQueriesContext(connection) as statements:
        answer = perform(row, call, cast.callers["user"])
    assert len(answer.json()["results"]) > 1
    assert len(statements) <= MAX_STATEMENTS[row]
