"""Every operation against a running Till: the main flows, sync and async, and what Till refuses."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pyotp
import pytest
from demo_till import usd

from till_client import (
    AsyncTill,
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientFunds,
    InvalidCredentials,
    InvalidSignature,
    NotFound,
    PreconditionFailed,
    PriceChanged,
    Problem,
    SignInRequired,
    Till,
    Tokens,
    Unauthenticated,
    ValidationProblem,
    construct_event,
)
from till_client.testing import TillServer, sign_notice

pytestmark = pytest.mark.slow


@pytest.fixture
def funded(alice: Till, admin: Till) -> int:
    """A wallet of alice's with 100 dollars more."""
    wallet = usd(alice)
    admin.deposits.settle(alice.deposits.create(wallet=wallet, amount=Decimal("100.00")).id, "paid")
    return wallet


@pytest.fixture
def carol(till_server: TillServer) -> Iterator[Till]:
    """Somebody new, who opened the link."""
    email = f"carol{datetime.now(UTC).timestamp()}@example.com"
    with Till(till_server.url, email=email, password="a long password") as till:
        registered = till.auth.register(email=email, password="a long password", full_name="Carol")
        assert registered.activation_url
        assert till.auth.activate(registered.activation_url.rpartition("/")[2]).status == "activated"
        yield till


# --- users and logins ---------------------------------------------------------------------------------------------


def test_somebody_registers_changes_and_signs_out(carol: Till) -> None:
    assert carol.users.me().full_name == "Carol"
    assert carol.users.change_me(full_name="Carol C.").full_name == "Carol C."
    me = carol.users.me(include=("wallets", "transactions"))
    assert me.wallets
    assert me.transactions == ()
    old = carol.tokens
    carol.auth.sign_out()
    assert old is not None
    assert carol.tokens is None


def test_a_changed_password_is_known_to_the_client(carol: Till) -> None:
    carol.auth.change_password(current_password="a long password", new_password="another long password")
    assert carol.users.me().full_name == "Carol"


def test_links_to_a_new_password_and_email_are_asked_for_and_checked(carol: Till) -> None:
    email = carol.users.me().email
    carol.auth.request_password_reset(email=email)
    carol.auth.request_email_change(current_password="a long password", new_email=f"new.{email}")
    with pytest.raises(Problem) as refused:
        carol.auth.reset_password("7-no.such.link", new_password="another long password")
    assert refused.value.code == "invalid_link"
    with pytest.raises(Problem) as refused:
        carol.auth.confirm_email("7-no.such.link")
    assert refused.value.code == "invalid_link"


def test_a_login_goes_on_with_its_tokens(carol: Till, till_server: TillServer) -> None:
    me = carol.users.me()
    with Till(till_server.url, tokens=carol.tokens) as again:
        assert again.users.me() == me


def test_a_user_ends_other_logins(carol: Till, till_server: TillServer) -> None:
    first = carol.users.me()
    for keep, end in ((True, None), (False, None), (False, "one")):
        with Till(till_server.url, email=first.email, password="a long password") as other:
            other.users.me()
            [theirs] = [session for session in other.auth.sessions() if session.current]
            carol.auth.end_session(theirs.id) if end else carol.auth.end_sessions(keep_current=keep)
            assert theirs.id not in {session.id for session in carol.auth.sessions()}


def test_a_user_signs_in_with_a_second_factor(carol: Till, till_server: TillServer) -> None:
    email, password = carol.users.me().email, "a long password"
    app = pyotp.TOTP(carol.auth.begin_second_factor(password=password).secret)
    codes = carol.auth.confirm_second_factor(code=app.now()).recovery_codes
    with Till(till_server.url, email=email, password=password) as till:
        with pytest.raises(Unauthenticated) as refusal:
            till.users.me()
        assert refusal.value.code == "second_factor_required"
        till.auth.sign_in(email=email, password=password, code=app.at(datetime.now(UTC) + timedelta(seconds=30)))
        assert till.auth.second_factor().recovery_codes_left == 10
        new = till.auth.renew_recovery_codes(password=password, code=codes[0]).recovery_codes
        till.auth.disable_second_factor(password=password, code=new[0])
        assert not till.auth.second_factor().enabled


def test_no_log_holds_a_secret(carol: Till, caplog: pytest.LogCaptureFixture) -> None:
    """Nor that of httpx and httpcore, at any level."""
    caplog.set_level(logging.DEBUG)
    carol.users.me()
    assert caplog.records
    assert carol.tokens is not None
    secrets = (carol.tokens.access, carol.tokens.refresh, "a long password")
    assert not [secret for secret in secrets if secret in caplog.text]


def test_a_wrong_password_and_no_login_are_named(till_server: TillServer) -> None:
    with Till(till_server.url, email=till_server.user, password="wrong") as till, pytest.raises(InvalidCredentials):
        till.users.me()
    tokens = Tokens(access="a.b.c", refresh="a.b.c")
    with Till(till_server.url, tokens=tokens) as till, pytest.raises(SignInRequired):
        till.users.me()
    with Till(till_server.url, api_key="till_none_none") as till, pytest.raises(Unauthenticated):
        till.users.me()


def test_an_admin_looks_after_users(admin: Till) -> None:
    email = f"dave{datetime.now(UTC).timestamp()}@example.com"
    dave = admin.users.create(email=email, full_name="Dave", role="service", is_active=True)
    assert admin.users.get(dave.id).email == email
    assert admin.users.change(dave.id, full_name="D.", if_match=dave.etag).full_name == "D."
    with pytest.raises(PreconditionFailed):
        admin.users.delete(dave.id, if_match=dave.etag)
    assert not admin.users.disable(dave.id).is_active
    assert admin.users.enable(dave.id).is_active
    scope = admin.settlement_scopes.create(service=dave.id, currency="USD", max_amount="10.00")
    assert [each.id for each in admin.settlement_scopes.list(service=dave.id)] == [scope.id]
    admin.settlement_scopes.delete(scope.id)
    assert [user.id for user in admin.users.list(email=email)] == [dave.id]
    admin.users.delete(dave.id)


def test_what_is_not_permitted_is_forbidden(alice: Till) -> None:
    with pytest.raises(Forbidden):
        list(alice.users.list())


def test_a_service_settles_with_its_key(till_server: TillServer, alice: Till, admin: Till) -> None:
    email = f"shop{datetime.now(UTC).timestamp()}@example.com"
    shop = admin.users.create(email=email, role="service", is_active=True)
    admin.settlement_scopes.create(service=shop.id, currency="USD")
    key = admin.api_keys.create(user=shop.id, name="The shop", scopes=["deposits:settle"], networks=["127.0.0.1"])
    assert key.key not in repr(key)
    deposit = alice.deposits.create(wallet=usd(alice), amount="1.00")
    with Till(till_server.url, api_key=key.key) as service:
        assert service.deposits.settle(deposit.id, "paid").status == "paid"
        with pytest.raises(Forbidden):
            service.deposits.get(deposit.id)
        assert admin.api_keys.get(key.id).last_used_at
        assert key.id in [each.id for each in admin.api_keys.list(limit=1)]
        admin.api_keys.revoke(key.id)
        with pytest.raises(Unauthenticated):
            service.deposits.settle(deposit.id, "paid")


# --- money --------------------------------------------------------------------------------------------------------


def test_a_deposit_is_previewed_created_settled_and_listed(alice: Till, admin: Till) -> None:
    wallet = usd(alice)
    before = alice.wallets.get(wallet).balance
    preview = alice.deposits.preview(wallet=wallet, amount="25.00")
    assert (preview.amount, preview.status) == (Decimal("25.00"), "pending")
    deposit = alice.deposits.create(wallet=wallet, amount=Decimal("25.00"))
    paid = admin.deposits.settle(deposit.id, "paid")
    assert admin.deposits.settle(deposit.id, "paid") == paid
    with pytest.raises(Conflict):
        admin.deposits.settle(deposit.id, "rejected")
    assert alice.wallets.get(wallet).balance - before == paid.net
    assert next(alice.deposits.list(wallet=wallet, status="paid")) == alice.deposits.get(deposit.id)


def test_what_was_attached_comes_back_and_finds_it(alice: Till, bob: Till, funded: int) -> None:
    own: dict[str, Any] = {"reference": "order-7", "metadata": {"shop": "1", "note": "äöü"}}
    transfer = alice.transfers.create(source=funded, destination=usd(bob), amount="0.01", **own)
    deposit = alice.deposits.create(wallet=funded, amount="1.00", **own)
    for each in (transfer, alice.transfers.get(transfer.id), deposit):
        assert (each.reference, each.metadata) == ("order-7", own["metadata"])
    assert transfer.id in [each.id for each in alice.transfers.list(reference="order-7", metadata={"shop": "1"})]
    assert deposit.id in [each.id for each in alice.deposits.list(metadata={"note": "äöü"})]
    assert not list(alice.deposits.list(reference="order-8"))
    preview = alice.transfers.preview(source=funded, destination=usd(bob), amount="0.01", **own)
    assert preview.metadata == own["metadata"]


def test_a_withdrawal_holds_until_it_is_cancelled(alice: Till, funded: int) -> None:
    details = {"description": "By hand"}
    external = alice.external_wallets.create(label="Cash", currency="USD", kind="other", details=details)
    assert alice.external_wallets.get(external.id) == external
    assert alice.withdrawals.preview(wallet=funded, external_wallet=external.id, amount=1).amount == 1
    withdrawal = alice.withdrawals.create(wallet=funded, external_wallet=external.id, amount="1.00")
    assert alice.wallets.get(funded).held == withdrawal.amount == Decimal("1.00")
    assert alice.withdrawals.cancel(withdrawal.id).status == "cancelled"
    assert next(alice.withdrawals.list()).id == withdrawal.id
    alice.external_wallets.delete(external.id)
    assert external.id not in [each.id for each in alice.external_wallets.list()]


def test_a_transfer_with_a_key_happens_once(alice: Till, bob: Till, funded: int) -> None:
    target = usd(bob)
    preview = alice.transfers.preview(source=funded, destination=target, amount=1)
    first = alice.transfers.create(source=funded, destination=target, amount=1, note="Tea", idempotency_key="tea")
    again = alice.transfers.create(source=funded, destination=target, amount=1, note="Tea", idempotency_key="tea")
    assert first == again
    assert (first.amount, first.note, first.commission) == (Decimal(1), "Tea", preview.commission)
    assert alice.transfers.get(first.id) == first
    assert bob.transfers.get(first.id).direction == "received"
    with pytest.raises(IdempotencyKeyReused):
        alice.transfers.create(source=funded, destination=target, amount=2, idempotency_key="tea")


def test_too_much_is_named_with_its_key(alice: Till, bob: Till, funded: int) -> None:
    with pytest.raises(InsufficientFunds) as refusal:
        alice.transfers.create(source=funded, destination=usd(bob), amount=10**9, idempotency_key="too-much")
    assert (refusal.value.status, refusal.value.idempotency_key) == (409, "too-much")
    available = alice.wallets.get(funded).available
    assert (refusal.value.available, refusal.value.missing) == (available, 10**9 - available)


def test_fields_that_are_wrong_are_named(alice: Till, bob: Till) -> None:
    with pytest.raises(ValidationProblem) as refusal:
        alice.transfers.create(source=usd(alice), destination=usd(bob), amount="0.001")
    assert [field.field for field in refusal.value.fields] == ["amount"]
    with pytest.raises(NotFound):
        alice.wallets.get(usd(bob))


def test_a_product_is_bought_and_refunded(alice: Till, admin: Till, funded: int) -> None:
    product = admin.products.create(title="Cup", price=Decimal("4.50"), currency="USD", stock=9)
    assert product in list(alice.products.list(search="Cup", currency="USD", price_max="5.00"))
    assert alice.purchases.preview(product=product.id, wallet=funded, quantity=2).amount == 9
    with pytest.raises(PriceChanged):
        alice.purchases.create(product=product.id, wallet=funded, expected_price="4.00")
    purchase = alice.purchases.create(product=product.id, wallet=funded, quantity=2, expected_price="4.50")
    assert alice.purchases.get(purchase.id).status == "paid"
    refund = admin.purchases.refund(purchase.id, amount="4.50", reason="Broken")
    assert list(admin.purchases.refunds(purchase.id)) == [refund]
    assert next(alice.purchases.list(product=product.id)).status == "partially_refunded"
    etag = admin.products.get(product.id).etag
    assert admin.products.change(product.id, stock="uncounted", if_match=etag).stock is None
    with pytest.raises(Exception, match="412"):
        admin.products.change(product.id, title="Mug", if_match=etag)
    admin.products.delete(product.id)


def test_money_is_exchanged_by_quote_and_by_rate(alice: Till, admin: Till, funded: int) -> None:
    [euro] = alice.wallets.list(currency="EUR")
    rate = alice.rates.get("USD", "EUR")
    assert rate in list(alice.rates.list(source_currency="USD"))
    quote = alice.quotes.create(source_currency="USD", target_currency="EUR", amount="2.00")
    assert alice.quotes.get(quote.id) == quote
    exchange = alice.exchanges.create(source=funded, destination=euro.id, quote=quote.id)
    assert exchange.proceeds == quote.proceeds
    preview = alice.exchanges.preview(
        source=funded, destination=euro.id, amount=2, expected_rate=rate.rate, max_slippage=1
    )
    assert preview.rate == rate.rate
    assert alice.exchanges.get(exchange.id) == exchange
    assert next(alice.exchanges.list(wallet=euro.id)) == exchange
    assert admin.rates.set("USD", "GBP", rate="0.8", origin="test", confirm=True).origin == "test"


def test_a_statement_adds_up_page_by_page(alice: Till, admin: Till, bob: Till, funded: int) -> None:
    for _ in range(3):
        alice.transfers.create(source=funded, destination=usd(bob), amount="0.01")
    statement = alice.wallets.statement(funded)
    lines = list(alice.wallets.statement_lines(funded, limit=2))
    assert statement.opening_balance + sum(line.amount for line in lines) == statement.closing_balance
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    assert alice.wallets.balance(funded).balance == statement.closing_balance
    assert len(alice.wallets.statement_csv(funded).splitlines()) >= len(lines)
    kinds = {transaction.kind for transaction in alice.transactions.list(wallet=funded, limit=2)}
    assert {"deposit", "transfer"} <= kinds
    transaction = admin.transactions.get(lines[-1].transaction)
    reversal = admin.transactions.reverse(transaction.id, reason="A mistake")
    assert reversal.reverses == transaction.id


def test_pages_of_one_are_the_whole_list(alice: Till) -> None:
    whole = [wallet.id for wallet in alice.wallets.list()]
    assert len(whole) > 2
    assert [wallet.id for wallet in alice.wallets.list(limit=1)] == whole
    assert [currency.code for currency in alice.currencies.list(limit=1)] == [c.code for c in alice.currencies.list()]
    assert alice.currencies.get("JPY").decimal_places == 0


# --- notices ------------------------------------------------------------------------------------------------------

UUID = "5eae174f-7cd0-472c-bd36-35660f00132c"
NOTICES: list[tuple[str, str, dict[str, Any]]] = [
    ("sha1_colon", "/payment/webhook", {"transaction_id": 77, "bill_id": 4711}),
    (
        "sha256_concat",
        "/webhook/payment",
        {"transaction_id": UUID, "account_id": 4711},
    ),
    ("standard_webhooks", "/api/v1/webhooks/standard_webhooks", {"transaction_id": "a-1", "account_id": 4711}),
]


@pytest.mark.parametrize(("scheme", "path", "fields"), NOTICES)
def test_till_credits_a_signed_notice(
    till_server: TillServer, alice: Till, admin: Till, scheme: Any, path: str, fields: dict[str, Any]
) -> None:
    notice = {**fields, "user_id": alice.users.me().id, "amount": Decimal("2.50")}
    signed = sign_notice(scheme, till_server.secrets[scheme], notice)
    with httpx.HTTPTransport(verify=False) as transport:
        request = httpx.Request("POST", till_server.url + path, headers=signed.headers, content=signed.body)
        assert transport.handle_request(request).status_code == 200
    [event] = admin.webhook_events.list(provider=scheme, transaction_id=str(fields["transaction_id"]))
    assert (event.verdict, event.amount) == ("credited", Decimal("2.50"))
    assert admin.webhook_events.get(event.id).transaction == event.transaction


# --- events -------------------------------------------------------------------------------------------------------


class Receiver(ThreadingHTTPServer):
    """Takes deliveries, on a port of its own."""

    def __init__(self) -> None:
        self.deliveries: Queue[tuple[bytes, dict[str, str]]] = Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.put((body, dict(self.headers.items())))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def test_the_feed_goes_on_from_a_position(alice: Till, bob: Till, admin: Till, funded: int) -> None:
    position = admin.events.page(limit=1).position
    transfers = [alice.transfers.create(source=funded, destination=usd(bob), amount="0.01").id for _ in range(3)]
    read: list[int] = []
    for _ in range(200):  # what was just booked may come a moment later
        for event in admin.events.list(after=position, types=["transfer.booked", "rate.*"], limit=1):
            position = event.position or 0
            read += [event.data["id"]] if event.type == "transfer.booked" else []
        if transfers[-1] in read:
            break
        time.sleep(0.05)
    assert read[-3:] == transfers
    assert len(set(read)) == len(read)
    assert admin.events.get(position).position == position


def test_what_till_delivers_is_an_event(alice: Till, bob: Till, admin: Till, funded: int, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.server_port}/till"
    endpoint = admin.webhook_endpoints.create(url=url, types=["transfer.*"], description="A test")
    assert endpoint.secret not in repr(endpoint)
    transfer = alice.transfers.create(source=funded, destination=usd(bob), amount="0.25")
    body, headers = receiver.deliveries.get(timeout=60)
    event = construct_event(body, headers, endpoint.secret)
    assert (event.type, event.data["id"], event.data["amount"]) == ("transfer.booked", transfer.id, "0.25")
    with pytest.raises(InvalidSignature):
        construct_event(body + b" ", headers, endpoint.secret)
    rotated = admin.webhook_endpoints.rotate_secret(endpoint.id)
    assert admin.webhook_endpoints.test(endpoint.id).type == "endpoint.test"
    body, headers = receiver.deliveries.get(timeout=60)
    old, new = (construct_event(body, headers, secret) for secret in (endpoint.secret, rotated.secret))
    assert old == new
    assert admin.webhook_endpoints.redeliver(endpoint.id, event=event.id).count == 1
    body, headers = receiver.deliveries.get(timeout=60)
    assert construct_event(body, headers, rotated.secret) == event
    assert event.id in [delivery.event for delivery in admin.webhook_endpoints.deliveries(endpoint.id, limit=1)]
    assert not admin.webhook_endpoints.change(endpoint.id, is_active=False).is_active
    assert [each.id for each in admin.webhook_endpoints.list()] == [endpoint.id]
    admin.webhook_endpoints.delete(endpoint.id)


# --- async --------------------------------------------------------------------------------------------------------


def test_tasks_share_one_client(till_server: TillServer, funded: int, bob: Till) -> None:
    target = usd(bob)

    async def run() -> None:
        async with AsyncTill(till_server.url, email=till_server.user, password=till_server.password) as till:
            moves = (till.transfers.create(source=funded, destination=target, amount="0.01") for _ in range(10))
            transfers = await asyncio.gather(*moves)
            listed = [transfer.id async for transfer in till.transfers.list(wallet=funded, limit=3)]
            assert {transfer.id for transfer in transfers} <= set(listed)
            with pytest.raises(InsufficientFunds):
                await till.transfers.create(source=funded, destination=target, amount=10**9)

    asyncio.run(run())
