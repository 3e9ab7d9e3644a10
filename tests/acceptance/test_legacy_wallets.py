"""A client written for a wallet service by its document alone, over HTTP, to the end."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from payments.demo.data import seed_rates
from payments.models import Wallet
from tests.support.api_client import in_process
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.old_client import OldClient

pytestmark = pytest.mark.slow

PASSWORD = "secret"
ALICE, BOB = "alice@example.com", "bob@example.com"
SERVICE = "service_service@example.com"


@pytest.fixture
def old(db: None) -> Iterator[OldClient]:
    for command in ("seed_users", "seed_commission"):
        call_command(command, stdout=io.StringIO())
    seed_rates()
    with in_process() as client:
        yield OldClient(client)


def sign_in(old: OldClient, email: str, password: str = PASSWORD) -> None:
    old.use(old.ask("POST", "/auth/login", {"email": email, "password": password})["access_token"])


def serve(old: OldClient) -> None:
    old.use(old.ask("GET", "/service/auth/login", headers={"Authorization": ""}, auth=(SERVICE, "123456"))["token"])


def register(old: OldClient, email: str) -> Any:
    user = old.ask("POST", "/auth/register", {"email": email, "password": PASSWORD})
    sign_in(old, email)
    return user


def wallets(old: OldClient) -> dict[str, Any]:
    return {wallet["currency"]: wallet for wallet in old.ask("GET", "/user/wallets")}


def balance(old: OldClient, wallet: int) -> Decimal:
    held: Decimal = old.ask("GET", f"/user/wallet?wallet_id={wallet}")["balance"]
    return held


def fund(old: OldClient, email: str, amount: int = 100) -> Any:
    """Deposit, settled by the service: a hundred, less one of commission."""
    deposit = old.ask("POST", "/wallet/deposit", {"amount": amount})
    assert (deposit["kind"], deposit["status"], deposit["amount"]) == ("deposit", "pending", amount)
    serve(old)
    settled = old.ask("PUT", "/service/transaction/deposit", {"transaction_id": deposit["id"], "status": "paid"})
    sign_in(old, email)
    return settled


def test_a_client_runs_to_the_end(old: OldClient) -> None:
    bobs = register(old, BOB)["wallets"]
    alice = register(old, ALICE)
    assert {wallet["currency"] for wallet in alice["wallets"]} == {"USD", "EUR", "GBP", "JPY", "BTC"}
    assert old.ask("GET", "/user/get/id")["id"] == alice["id"]
    assert old.ask("GET", "/user/get/token")["email"] == ALICE
    settled = fund(old, ALICE)
    assert [(line["kind"], line["amount"]) for line in settled["transactions"]] == [
        ("deposit", 100),
        ("transfer", 100),
        ("comission", 1),
    ]
    dollars, euros = wallets(old)["USD"], wallets(old)["EUR"]
    assert dollars["balance"] == 99
    exchanged = old.ask(
        "POST", "/wallet/exchange", {"from_wallet_id": dollars["id"], "to_wallet_id": euros["id"], "amount": 10}
    )
    assert exchanged["proceeds"] == 10 * exchanged["rate"]
    assert len(str(exchanged["rate"]).partition(".")[2]) == 10
    assert balance(old, euros["id"]) == exchanged["proceeds"]
    bobs_dollars = next(wallet["id"] for wallet in bobs if wallet["currency"] == "USD")
    sent = {"from_wallet_id": dollars["id"], "to_wallet_id": bobs_dollars, "amount": "20.50"}
    assert old.ask("POST", "/wallet/transfer", sent)["amount"] == Decimal("20.50")
    external = old.ask("POST", "/user/create/external_wallet", {"name": "My card", "last4": "4242"})
    withdrawal = old.ask("POST", "/wallet/withdraw", {"wallet_id": dollars["id"], "amount": 50})
    assert (withdrawal["status"], external["kind"]) == ("pending", "card")
    serve(old)
    paid = old.ask("PUT", "/service/transaction/withdraw", {"id": withdrawal["id"], "status": "paid"})
    assert [(line["kind"], line["amount"]) for line in paid["transactions"]] == [
        ("withdraw", 50),
        ("comission", Decimal("0.5")),
    ]
    sign_in(old, ALICE)
    assert balance(old, dollars["id"]) == Decimal("18.50")
    kinds = [line["kind"] for line in old.ask("GET", f"/wallet/transactions?wallet_id={dollars['id']}")]
    assert sorted(kinds) == [*["comission"] * 2, "deposit", "exchange", *["transfer"] * 2, "withdraw"]
    assert sorted(line["kind"] for line in old.ask("GET", "/user/transactions")) == sorted([*kinds, "exchange"])
    sign_in(old, BOB)
    assert balance(old, bobs_dollars) == Decimal("20.50")
    assert_ledger_balances()


def test_a_rejected_deposit_moves_nothing(old: OldClient) -> None:
    register(old, ALICE)
    deposit = old.ask("POST", "/wallet/deposit", {"currency": "EUR", "amount": 5})
    serve(old)
    settlement = {"transaction_id": deposit["id"], "status": "reject"}
    settled = old.ask("PUT", "/service/transaction/deposit", settlement)
    assert (settled["status"], len(settled["transactions"])) == ("reject", 1)
    old.refused(409, "PUT", "/service/transaction/deposit", {**settlement, "status": "paid"})
    old.refused(400, "PUT", "/service/transaction/deposit", {**settlement, "status": "paid", "reason": "why"})
    sign_in(old, ALICE)
    assert [line["status"] for line in old.ask("GET", "/user/transactions")] == ["reject"]
    assert wallets(old)["EUR"]["balance"] == 0


def test_a_wallet_may_be_named_by_its_currency(old: OldClient) -> None:
    register(old, ALICE)
    fund(old, ALICE)
    exchanged = old.ask("POST", "/wallet/exchange", {"from_currency": "USD", "to_currency": "EUR", "amount": 1})
    assert (exchanged["from_currency"], exchanged["to_currency"]) == ("USD", "EUR")
    assert old.ask("GET", "/user/wallet?currency=EUR")["balance"] == exchanged["proceeds"]
    assert old.ask("GET", "/user/wallet")["currency"] == "USD"
    problem = old.refused(400, "POST", "/wallet/exchange", {"from_currency": "USD", "amount": 1})
    assert {error["field"] for error in problem["errors"]} == {"to_wallet_id", "to_currency"}
    old.refused(404, "GET", "/user/wallet?currency=XXX")
    assert_ledger_balances()


def test_members_may_stand_in_the_address(old: OldClient) -> None:
    register(old, ALICE)
    wallet = wallets(old)["USD"]["id"]
    assert old.ask("POST", f"/wallet/deposit?wallet_id={wallet}&amount=10.50")["amount"] == Decimal("10.50")
    old.refused(400, "POST", f"/wallet/deposit?wallet_id={wallet}&amount=1e3")


def test_a_form_logs_in(old: OldClient) -> None:
    register(old, ALICE)
    form = {"username": ALICE, "password": PASSWORD, "grant_type": "password"}
    answer = old.client.post("/auth/login", data=form)
    assert answer.json()["token_type"] == "bearer"


def test_a_service_logs_in_by_its_header_or_a_body_and_never_by_the_address(old: OldClient) -> None:
    path, credentials = "/service/auth/login", {"email": SERVICE, "password": "123456"}
    for method in ("GET", "POST"):
        assert old.ask(method, path, credentials)["token"]
    assert old.ask("GET", f"{path}?email={SERVICE}", {"password": "123456"})["token"]
    problem = old.refused(400, "GET", f"{path}?email={SERVICE}&password=123456")
    assert problem["errors"][0]["code"] == "secret_in_address"
    assert old.refused(401, "GET", path, auth=(SERVICE, "wrong"))["code"] == "invalid_credentials"
    for header in ("Basic !", "Basic /w==", "Basic YQ==", "Bearer x"):
        assert old.refused(400, "GET", path, headers={"Authorization": header})["code"] == "invalid_request"


def test_only_admins_register_services(old: OldClient) -> None:
    new = {"email": "settler@example.com", "password": PASSWORD}
    old.refused(401, "POST", "/auth/register_service", new)
    register(old, ALICE)
    assert old.refused(403, "POST", "/auth/register_service", new)["code"] == "permission_denied"
    sign_in(old, "admin_admin@example.com", "123456")
    assert old.ask("POST", "/auth/register_service", new)["role"] == "service"
    sign_in(old, new["email"])
    deposit = {"transaction_id": 1, "status": "paid"}
    assert old.refused(404, "PUT", "/service/transaction/deposit", deposit)["code"] == "deposit_not_found"


@pytest.mark.parametrize(
    ("given", "kind", "details"),
    [
        ({}, "other", {"description": "External wallet"}),
        ({"iban": "DE89370400440532013000"}, "bank", {"iban": "DE89370400440532013000"}),
        ({"address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"}, "crypto", None),
        ({"kind": "bank", "details": {"iban": "DE89370400440532013000"}}, "bank", None),
    ],
)
def test_the_kind_of_an_external_wallet_follows_from_its_details(
    old: OldClient, given: dict[str, Any], kind: str, details: Any
) -> None:
    register(old, ALICE)
    added = old.ask("POST", "/user/create/external_wallet", given)
    assert (added["kind"], added["currency"]) == (kind, "USD")
    assert details is None or added["details"] == details


def test_a_card_number_is_refused(old: OldClient) -> None:
    register(old, ALICE)
    assert (
        old.refused(422, "POST", "/user/create/external_wallet", {"last4": "4242424242424242"})["code"]
        == "card_number_refused"
    )


def test_without_an_external_wallet_nothing_is_withdrawn(old: OldClient) -> None:
    register(old, ALICE)
    problem = old.refused(404, "POST", "/wallet/withdraw", {"amount": 1})
    assert problem["code"] == "external_wallet_not_found"


def test_mallory_moves_nothing_of_others(old: OldClient) -> None:
    register(old, ALICE)
    fund(old, ALICE)
    theirs = wallets(old)["USD"]["id"]
    register(old, "mallory@example.com")
    mine = wallets(old)["USD"]["id"]
    for path, body in (
        ("/wallet/transfer", {"from_wallet_id": theirs, "to_wallet_id": mine, "amount": 1}),
        ("/wallet/exchange", {"from_wallet_id": theirs, "to_currency": "EUR", "amount": 1}),
        ("/wallet/withdraw", {"wallet_id": theirs, "amount": 1}),
        ("/wallet/deposit", {"wallet_id": theirs, "amount": 1}),
    ):
        assert old.refused(404, "POST", path, body)["code"] == "wallet_not_found"
    for path in ("/user/wallet", "/wallet/transactions"):
        old.refused(404, "GET", f"{path}?wallet_id={theirs}")
    assert Wallet.objects.get(pk=theirs).balance == 99
    assert_ledger_balances()
