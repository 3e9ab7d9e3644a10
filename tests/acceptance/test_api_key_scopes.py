"""What an API key may do: of each operation with its scope what its service may, without it nothing.

Some scopes open what the role of a service does not: there a key may what admins may.
"""

import pytest

from accounts.key_scopes import OPERATIONS, WIDENING, Scope
from payments.api_keys.services import add_key
from tests.support.every_operation import OperationContext, outcome, perform
from tests.support.one_cast import Cast
from tests.support.openapi_document import described
from tests.support.operation_table import ROWS
from tests.support.rest import refused
from tests.support.stored_rows import stored

pytestmark = pytest.mark.slow

#: By operation id. All others that need a user are closed to keys.
SCOPES = {
    "deposits_list": Scope.DEPOSITS_READ,
    "deposits_retrieve": Scope.DEPOSITS_READ,
    "deposits_settle": Scope.DEPOSITS_SETTLE,
    "withdrawals_list": Scope.WITHDRAWALS_READ,
    "withdrawals_retrieve": Scope.WITHDRAWALS_READ,
    "withdrawals_settle": Scope.WITHDRAWALS_SETTLE,
    "users_me": Scope.ME_READ,
    **dict.fromkeys(
        ("wallets_list", "wallets_retrieve", "wallets_balance", "wallets_statement", "wallets_statement_csv"),
        Scope.WALLETS_READ,
    ),
    **dict.fromkeys(("events_list", "events_retrieve"), Scope.EVENTS_READ),
    **dict.fromkeys(("transactions_list", "transactions_retrieve"), Scope.TRANSACTIONS_READ),
    **{row: Scope.WEBHOOK_ENDPOINTS_MANAGE for row in ROWS if row.startswith("webhook_endpoints_")},
}


def operation_of(row: str) -> str:
    return row.partition(":")[0]


NEED_A_USER = [row for row in ROWS if {"bearer": []} in described(operation_of(row)).get("security", ())]
OPEN = [row for row in NEED_A_USER if operation_of(row) in SCOPES]


def with_scopes(cast: Cast, *scopes: Scope) -> str:
    """Make a key of the service that settles dollars."""
    service, admin = cast.callers["service"], cast.callers["admin"]
    assert service
    assert admin
    return add_key(user_id=service.pk, name="A key", scopes=scopes, staff=admin).text


def context_of(cast: Cast, row: str, whose: str) -> OperationContext:
    return cast.context(row, "service", whose)


def test_the_document_names_each_scope_and_the_table_has_no_other_operation() -> None:
    named = {
        operation_of(row): requirement["api_key"]
        for row in ROWS
        for requirement in described(operation_of(row)).get("security", ())
        if "api_key" in requirement
    }
    assert named == {operation: [scope.value] for operation, scope in SCOPES.items()}
    assert len(OPERATIONS) == len(SCOPES)
    assert set(SCOPES.values()) == set(Scope)


@pytest.mark.parametrize("row", NEED_A_USER)
def test_a_key_without_the_scope_is_refused_and_nothing_moves(cast: Cast, row: str) -> None:
    needed = SCOPES.get(operation_of(row))
    key = with_scopes(cast, *(scope for scope in Scope if scope != needed))
    call = ROWS[row].call(context_of(cast, row, "own"))
    before = stored()
    refused(perform(row, call, key), 403, "scope_required" if needed else "closed_to_api_keys")
    assert stored() == before


@pytest.mark.parametrize("row", OPEN)
def test_a_key_with_the_scope_may_what_its_service_may_and_no_more(cast: Cast, row: str) -> None:
    scope = SCOPES[operation_of(row)]
    key, role = with_scopes(cast, scope), "admin" if scope in WIDENING else "service"
    for whose, status in zip(("own", "foreign"), ROWS[row].by_caller()[role], strict=False):
        call = ROWS[row].call(context_of(cast, row, whose))
        assert outcome(call, perform(row, call, key)) == status
