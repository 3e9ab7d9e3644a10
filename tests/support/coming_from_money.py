"""What docs/coming-from.md says about money, the shop and the pages, done."""

from typing import Any

from tests.support.api_client import ACCOUNTS, BILLS, KEYS, PEN, SANIC, WALLETS, DemoTill, Visitor, equivalent_of
from tests.support.every_operation import new_user
from tests.support.exchanges import store_rate
from tests.support.live import ROOT
from tests.support.provider import SHA1_COLON, SHA256_CONCAT


# --- wallets and their history ---
@equivalent_of(ACCOUNTS, "my accounts with their balances")
@equivalent_of(SANIC, "`GET /user/accounts`")
@equivalent_of(BILLS, "the balances of all bills")
@equivalent_of(WALLETS, "`GET /user/wallets`")
def my_wallets(till: DemoTill) -> None:
    [wallet] = till.alice.listed("wallets")
    visible = {name: wallet[name] for name in ("id", "currency", "balance", "held", "available")}
    assert visible == {"id": 77, "currency": "USD", "balance": "100.00", "held": "0.00", "available": "100.00"}


@equivalent_of(WALLETS, "`GET /user/wallet`")
def one_wallet(till: DemoTill) -> None:
    assert till.alice.holds(77) == ("100.00", "0.00")
    till.staff.ask(201, "POST", "users", {"email": "bob@example.com", "password": "correct horse 42"})
    till.visitor("bob@example.com").refused(404, "not_found", "GET", "wallets/77")


@equivalent_of(ACCOUNTS, "my payments")
@equivalent_of(SANIC, "`GET /users/payments`")
def my_payments(till: DemoTill) -> None:
    buying(till)
    [paid] = till.alice.listed("transactions?kind=deposit")
    [line] = paid["postings"]
    assert (line["amount"], line["destination_balance"]) == ("100.00", "100.00")
    assert len(till.alice.listed("transactions")) == 2


@equivalent_of(BILLS, "the history of transactions")
@equivalent_of(WALLETS, "`GET /user/transactions`")
def my_history(till: DemoTill) -> None:
    buying(till)
    assert [one["kind"] for one in till.alice.listed("transactions")] == ["purchase", "deposit"]


@equivalent_of(WALLETS, "`GET /wallet/transactions`")
def a_wallets_history(till: DemoTill) -> None:
    buying(till)
    assert [one["kind"] for one in till.alice.listed("transactions?wallet=77")] == ["purchase", "deposit"]
    lines = till.alice.ask(200, "GET", "wallets/77/statement")["lines"]
    assert [(line["amount"], line["balance"]) for line in lines] == [("100.00", "100.00"), ("-25.00", "75.00")]
    assert "closing balance" in till.alice.send("GET", "wallets/77/statement?format=csv").text


# --- webhooks ---
@equivalent_of(
    ACCOUNTS, "the payment webhook", "an account that is missing is created", "a transaction is processed once"
)
@equivalent_of(SANIC, "`POST /webhook/payment`")
def a_signed_notice(till: DemoTill) -> None:
    notice: dict[str, Any] = {
        "account_id": 1,
        "amount": 100,
        "transaction_id": '"5eae174f-7cd0-472c-bd36-35660f00132b"',
    }
    first = till.notify(SHA256_CONCAT, **notice)
    assert (first["duplicate"], first["account_id"], first["balance"]) == (False, 1, "100.00")
    assert till.notify(SHA256_CONCAT, **notice) == first | {"duplicate": True}
    assert till.notify(SHA256_CONCAT, 409, **notice | {"amount": 200})["code"] == "transaction_id_conflict"
    assert till.alice.holds(1) == ("100.00", "0.00")
    own = notice | {"account_id": 10**15 + 10**14, "transaction_id": '"5eae174f-7cd0-472c-bd36-35660f00132c"'}
    assert till.notify(SHA256_CONCAT, 404, **own)["code"] == "wallet_not_found"


@equivalent_of(ACCOUNTS, "its signature is verified")
def a_forged_notice(till: DemoTill) -> None:
    refused = till.notify(SHA256_CONCAT, 401, secret="guessed", account_id=77, amount=100)
    assert refused["code"] == "invalid_signature"
    assert till.alice.holds(77) == ("100.00", "0.00")


@equivalent_of(BILLS, "`POST /payment/webhook`", "a bill that is missing is created")
@equivalent_of(KEYS, "`POST /payment/webhook`")
def a_notice_for_a_bill(till: DemoTill) -> None:
    assert till.notify(SHA1_COLON, account_id=77, amount=20)["balance"] == "120.00"
    assert till.notify(SHA1_COLON, account_id=123456, amount=100)["balance"] == "100.00"
    assert [wallet["id"] for wallet in till.alice.listed("wallets")] == [77, 123456]


# --- the shop ---
@equivalent_of(BILLS, "list the products")
@equivalent_of(KEYS, "`GET /products`")
def the_products(till: DemoTill) -> None:
    [pen] = till.alice.listed("products")
    assert PEN.items() <= pen.items()
    assert till.alice.listed("products?search=lamp&currency=USD&ordering=-price") == []


@equivalent_of(BILLS, "buy a product")
@equivalent_of(KEYS, "`POST /products/buy`")
def buying(till: DemoTill) -> None:
    data = {"product": till.pen, "wallet": 77}
    bought = till.alice.ask(201, "POST", "purchases", data | {"expected_price": "25.00"})
    assert (bought["amount"], till.alice.holds(77)[0]) == ("25.00", "75.00")
    till.alice.refused(409, "insufficient_funds", "POST", "purchases", data | {"quantity": 4})
    assert till.alice.holds(77)[0] == "75.00"


@equivalent_of(KEYS, "`GET /users/me`")
def everything_about_me(till: DemoTill) -> None:
    me = till.alice.ask(200, "GET", "users/me?include=wallets,transactions")
    assert ([one["id"] for one in me["wallets"]], [one["kind"] for one in me["transactions"]]) == ([77], ["deposit"])
    assert not {"wallets", "transactions"} & till.alice.ask(200, "GET", "users/me").keys()


@equivalent_of(BILLS, "an admin sees all products")
def archived_products(till: DemoTill) -> None:
    till.staff.ask(200, "PATCH", f"products/{till.pen}", {"is_active": False})
    assert [pen["is_active"] for pen in till.staff.listed("products")] == [False]
    assert till.alice.listed("products") == []


@equivalent_of(BILLS, "an admin creates products")
@equivalent_of(KEYS, "`POST /products`")
def adding_products(till: DemoTill) -> None:
    lamp = till.staff.ask(201, "POST", "products", PEN | {"title": "Lamp", "stock": 1})
    assert lamp["stock"] == 1
    till.alice.ask(201, "POST", "purchases", {"product": lamp["id"], "wallet": 77})
    till.alice.refused(409, "out_of_stock", "POST", "purchases", {"product": lamp["id"], "wallet": 77})
    till.alice.ask(403, "POST", "products", PEN)


@equivalent_of(KEYS, "`GET /products/<pk>`")
def one_product(till: DemoTill) -> None:
    answer = till.alice.send("GET", f"products/{till.pen}")
    assert (answer.json()["title"], bool(answer.headers["ETag"])) == ("Pen", True)


@equivalent_of(BILLS, "an admin edits products")
@equivalent_of(KEYS, "`PUT /products/<pk>`")
def editing_products(till: DemoTill) -> None:
    read = till.staff.send("GET", f"products/{till.pen}").headers["ETag"]
    address = f"products/{till.pen}"
    assert till.staff.ask(200, "PATCH", address, {"price": "30.00"})["price"] == "30.00"
    stale = till.staff.send("PATCH", address, {"price": "20.00"}, **{"If-Match": read})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert till.staff.ask(200, "PUT", address, PEN | {"title": "Quill"})["title"] == "Quill"


@equivalent_of(BILLS, "an admin deletes products")
@equivalent_of(KEYS, "`DELETE /products/<pk>`")
def deleting_products(till: DemoTill) -> None:
    unsold = till.staff.ask(201, "POST", "products", PEN)["id"]
    buying(till)
    for product in (unsold, till.pen):
        assert till.staff.ask(204, "DELETE", f"products/{product}") is None
    assert till.alice.listed("products") == []
    assert [(one["id"], one["is_active"]) for one in till.staff.listed("products")] == [(till.pen, False)]


# --- orders, exchange, transfers ---
BANK = {"label": "My bank", "currency": "USD", "kind": "bank", "details": {"iban": "DE89370400440532013000"}}


def settler(till: DemoTill) -> Visitor:
    service = new_user("settler", "service")
    till.staff.ask(201, "POST", "settlement-scopes", {"service": service.pk, "everything": True})
    return till.visitor("settler@example.com")


@equivalent_of(WALLETS, "`POST /user/create/external_wallet`")
def adding_an_external_wallet(till: DemoTill) -> None:
    till.alice.ask(201, "POST", "external-wallets", BANK)
    wrong = {"details": {"iban": "DE89370400440532013001"}}
    till.alice.refused(422, "invalid_details", "POST", "external-wallets", BANK | wrong)
    card = BANK | {"kind": "card", "details": {"last4": "4111111111111111"}}
    till.alice.refused(422, "card_number_refused", "POST", "external-wallets", card)
    stored = till.alice.ask(201, "POST", "external-wallets", card | {"details": {"last4": "1111"}})
    assert stored["details"]["last4"] == "1111"


@equivalent_of(WALLETS, "`POST /wallet/deposit`", "`PUT /service/transaction/deposit`")
def depositing(till: DemoTill) -> None:
    rule = {"operation": "deposit", "currency": "USD", "percent": "1"}
    till.staff.ask(201, "POST", "commission-rules", rule)
    data = {"wallet": 77, "amount": "50.00"}
    assert till.alice.ask(200, "POST", "deposits?dry_run=true", data)["commission"] == "0.50"
    order = till.alice.ask(201, "POST", "deposits", data)
    assert (order["status"], order["commission"], order["net"]) == ("pending", "0.50", "49.50")
    service, status_address = settler(till), f"deposits/{order['id']}/status"
    for _ in range(2):
        paid = service.ask(200, "PUT", status_address, {"status": "paid"})
    assert (paid["status"], till.alice.holds(77)[0]) == ("paid", "149.50")
    service.refused(409, "already_settled", "PUT", status_address, {"status": "rejected"})
    postings = till.staff.ask(200, "GET", f"transactions/{paid['transaction']}")["postings"]
    assert [posting["amount"] for posting in postings] == ["50.00", "0.50"]


@equivalent_of(WALLETS, "`POST /wallet/withdraw`", "`PUT /service/transaction/withdraw`")
def withdrawing(till: DemoTill) -> None:
    bank = till.alice.ask(201, "POST", "external-wallets", BANK)["id"]
    service = settler(till)
    for status, left in (("rejected", "100.00"), ("paid", "60.00")):
        data = {"wallet": 77, "external_wallet": bank, "amount": "40.00"}
        order = till.alice.ask(201, "POST", "withdrawals", data)
        assert (order["status"], till.alice.holds(77)) == ("pending", ("100.00", "40.00"))
        service.ask(200, "PUT", f"withdrawals/{order['id']}/status", {"status": status})
        assert till.alice.holds(77) == (left, "0.00")


@equivalent_of(WALLETS, "`POST /wallet/exchange`")
def exchanging(till: DemoTill) -> None:
    store_rate("USD", "EUR", "0.8602150537")
    euros = till.alice.ask(201, "POST", "wallets", {"currency": "EUR"})["id"]
    pair = {"source_currency": "USD", "target_currency": "EUR", "amount": "10.05"}
    promised = till.alice.ask(201, "POST", "quotes", pair)
    wallets = {"source": 77, "destination": euros}
    for terms in ({"quote": promised["id"]}, {"amount": "10.05"}):
        exchange = till.alice.ask(201, "POST", "exchanges", wallets | terms)
        assert (exchange["rate"], exchange["proceeds"]) == ("0.8602150537", "8.6451612896")
        assert exchange["remainder"] == "0.000000000085"
    store_rate("USD", "EUR", "0.8602150537", hours_old=24 * 365)
    till.alice.refused(422, "rate_unavailable", "POST", "exchanges", wallets | {"amount": "10.00"})


@equivalent_of(WALLETS, "`POST /wallet/transfer`")
def transferring(till: DemoTill) -> None:
    new_user("bob")
    bob = till.visitor("bob@example.com")
    data = {"source": 77, "amount": "10.00"}
    till.alice.ask(201, "POST", "transfers", data | {"recipient": "BOB@example.com"})
    bobs = bob.wallet("USD")
    till.alice.ask(201, "POST", "transfers", data | {"destination": bobs})
    assert (till.alice.holds(77)[0], bob.holds(bobs)[0]) == ("80.00", "20.00")


@equivalent_of(WALLETS, "only who has signed in sees wallets and moves money")
def strangers(till: DemoTill) -> None:
    for method, path in (("GET", "wallets"), ("POST", "transfers")):
        till.visitor().refused(401, "not_authenticated", method, path)


@equivalent_of(WALLETS, "an error undoes the whole operation")
def all_or_nothing(till: DemoTill) -> None:
    new_user("bob")
    data = {"source": 77, "amount": "100.01", "recipient": "bob@example.com"}
    till.alice.refused(409, "insufficient_funds", "POST", "transfers", data)
    assert till.visitor("bob@example.com").listed("wallets") == []
    assert (till.alice.holds(77)[0], len(till.alice.listed("transactions"))) == ("100.00", 1)


# --- pages ---
@equivalent_of(ACCOUNTS, "Swagger and ReDoc pages")
@equivalent_of(KEYS, "ReDoc at `/docs`, Swagger at `/docs/swagger`")
@equivalent_of(WALLETS, "`GET /docs`, `GET /redoc`")
def pages(till: DemoTill) -> None:
    for address, name in (("/docs", "swagger-ui"), ("/redoc", "redoc")):
        assert name in till.alice.send("GET", address).text
    assert till.alice.send("GET", "/docs/swagger").headers["Location"] == "/docs"


@equivalent_of(WALLETS, "`GET /run-tests`, `GET /run-tests-local`")
def running_the_tests(till: DemoTill) -> None:
    for address in ("/run-tests", "/run-tests-local"):
        till.alice.ask(404, "GET", address)
    assert "\ntest: " in (ROOT / "Makefile").read_text()
