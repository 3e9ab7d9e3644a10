"""What a client sends that no document prints, but that its framework or its author would take for granted."""

from collections.abc import Iterator
from typing import Any

import pytest

from legacy.requests import LegacyRequest
from legacy.wallets import requests
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.api_client import in_process
from tests.support.ledger import wallet_with
from tests.support.old_client import OldClient
from tests.support.provider import SHA1_COLON
from tests.support.shop_users import PASSWORD, password_hash

OAUTH = {"grant_type": "password", "scope": "", "client_id": "", "client_secret": ""}


@pytest.fixture
def old(db: None, alice: Any) -> Iterator[OldClient]:
    provider_cache.invalidate()
    type(alice).objects.filter(pk=alice.pk).update(password=password_hash())
    with in_process() as client:
        signed_in = OldClient(client)
        signed_in.use(signed_in.ask("POST", "/login", {"email": alice.email, "password": PASSWORD})["token"])
        yield signed_in
    provider_cache.invalidate()


def shapes(kind: type[LegacyRequest] = LegacyRequest) -> Iterator[type[LegacyRequest]]:
    for shape in kind.__subclasses__():
        yield shape
        yield from shapes(shape)


def promised_names(help_text: str) -> list[str]:
    """Return the names of a sentence such as "Or `login`, or `username`."."""
    sentences = [sentence for sentence in help_text.split(". ") if sentence.startswith("Or ")]
    return [name for sentence in sentences for name in sentence.split("`")[1::2] if name.isidentifier()]


def test_each_name_that_the_document_promises_is_known() -> None:
    promised = {
        (shape, name)
        for shape in shapes()
        for member in shape().fields.values()
        for name in promised_names(str(member.help_text or ""))
    }
    assert (requests.WalletTransfer, "wallet_id") in promised
    assert [(shape.__name__, name) for shape, name in promised if name not in shape.known_names()] == []


def test_what_gives_the_money_may_be_called_the_wallet(old: OldClient, alice: Any, bob: Any) -> None:
    mine, theirs = wallet_with(alice, "USD", "10").pk, wallet_with(bob, "USD", "1").pk
    sent = old.ask("POST", "/wallet/transfer", {"wallet_id": mine, "to_wallet_id": theirs, "amount": 4})
    assert (sent["from_wallet_id"], sent["amount"]) == (mine, 4)


@pytest.mark.parametrize("path", ["/login", "/auth", "/auth/login", "/service/auth/login"])
def test_the_form_that_oauth_clients_send_logs_in(old: OldClient, alice: Any, path: str) -> None:
    form = {"username": alice.email, "password": PASSWORD, **OAUTH}
    assert old.client.post(path, data=form).json()["token_type"] == "bearer"
    problem = old.refused(400, "POST", f"{path}?client_secret=hidden", {})
    assert [error["code"] for error in problem["errors"]] == ["secret_in_address"]


@pytest.mark.parametrize("path", ["/user/wallet", "/user/wallet?currency=USD", "/wallet/transactions?currency=USD"])
def test_head_is_answered_as_get_without_its_body(old: OldClient, alice: Any, path: str) -> None:
    wallet_with(alice, "USD", "10")
    head, get = (old.send(method, path) for method in ("HEAD", "GET"))
    assert (head.status_code, head.text) == (get.status_code, "") == (200, "")
    assert old.send("HEAD", "/user/wallet?wallet_id=1").status_code == 404


@pytest.mark.parametrize("path", ["/user/about/", "/users/me/", "/user/wallets/", "/products/"])
def test_a_slash_at_the_end_is_the_same_address(old: OldClient, path: str) -> None:
    assert old.send("GET", path).text == old.send("GET", path.removesuffix("/")).text
    assert old.send("GET", path).status_code == 200


def test_it_is_off_with_a_slash_too(old: OldClient, settings: Any) -> None:
    settings.TILL_LEGACY = frozenset()
    assert old.refused(404, "POST", "/login/", {})["code"] == "address_off"


def test_a_payment_has_the_transaction_id_that_the_provider_sent(old: OldClient, alice: Any) -> None:
    old.notify(SHA1_COLON, user_id=alice.pk, account_id=5, amount=100, transaction_id=1234567)
    assert [payment["transaction_id"] for payment in old.ask("GET", "/users/payments")] == ["1234567"]
