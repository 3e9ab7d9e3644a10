"""Reads in the event loop: byte for byte what the view answers, whatever the history."""

import random
from collections import Counter
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import open_family
from config.server.api_endpoint import answer_of
from config.server.api_requests import ApiRequest, recognise
from payments.ledger.services.wallets import open_wallet
from payments.operations import ledger_reads
from payments.operations.fast_read import ReadRequest, read_steps
from postgres import pipeline
from postgres.pipeline import KEEP_PLANS
from postgres.pipeline_connection import Statement
from postgres.questions import QuestionBatch
from tests.support.exchanges import post_exchange, post_transfer, store_rate
from tests.support.ledger import book_transfer, fund, house_wallet, sql, wallet_of, wallet_with
from tests.support.notices import ALICES, BOBS, credit, many_credits
from tests.support.orders import deposit, make_rule, settle
from tests.support.purchases import a_product, bought, refund
from tests.support.rest import API, ids, signed_in, succeeded

LISTS = [f"{API}/transactions", f"{API}/wallets"]
HOST = "testserver:8443"


class Reader:
    """A user with a token, who asks both ways."""

    def __init__(self, user: User) -> None:
        self.authorization = f"Bearer {open_family(user=user).access}"
        self.client = signed_in(user)

    def request(self, url: str, scheme: str = "http") -> ApiRequest:
        path, _, query = url.partition("?")
        headers = [(b"host", HOST.encode()), (b"authorization", self.authorization.encode())]
        request = recognise("GET", path, query.encode(), headers, scheme, b"")
        assert request is not None, url
        return request

    def by_view(self, url: str, scheme: str = "http") -> bytes:
        answer = self.client.get(url, headers={"host": HOST}, secure=scheme == "https")
        assert answer.status_code == 200, answer.content
        return bytes(answer.content)


def fast(*requests: ApiRequest) -> list[bytes | None]:
    """Return the answers' bodies, all of one batch; None: the view has to answer."""
    items = [request.item for request in requests if isinstance(request.item, ReadRequest)]
    outcomes = pipeline.run(read_steps(items))
    answers = [answer_of(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
    return [None if answer is None else answer.body for answer in answers]


def assert_alike(reader: Reader, *urls: str) -> None:
    for url in urls:
        for scheme in ("http", "https"):
            assert fast(reader.request(url, scheme)) == [reader.by_view(url, scheme)], url


def urls_of(user: User) -> list[str]:
    """Return the address of everything that the user may see, and of lists of all lengths."""
    limits = [f"{path}?limit={limit}" for path in LISTS for limit in (1, 2, 3, 7, 20, 199, 200)]
    single = [f"{path}/{id_}" for path in LISTS for id_ in ids(signed_in(user).get(f"{path}?limit=200"))]
    return LISTS + limits + single


@pytest.fixture
def busy(alice: Any, bob: Any, admin: Any, service: Any) -> tuple[User, User]:
    """Alice and Bob did everything that books something."""
    for operation in ("deposit", "transfer", "exchange"):
        make_rule(admin, operation, percent="1.5")
    store_rate("USD", "EUR", "0.8602150537")
    store_rate("USD", "JPY", "150")
    dollars, other = wallet_with(alice, "USD", "1000"), wallet_of(alice)
    euros, yen = open_wallet(owner_id=alice.pk, currency="EUR"), open_wallet(owner_id=alice.pk, currency="JPY")
    bobs = wallet_of(bob, holding="0.0000000001")
    credit(alice, ALICES, "25")
    credit(bob, BOBS, "12345678901234567890.5")
    settle(service, "deposits", deposit(alice, dollars, "70.10"))
    for foreign in (euros, yen):
        succeeded(post_exchange(alice, dollars, foreign, amount="10.01"))
    for source, amount, target in ((dollars, "5.55", bobs), (dollars, "7", other), (other, "3.5", ALICES)):
        succeeded(post_transfer(alice, source, amount, destination=target))
    purchase = bought(alice, a_product(title='"Pen" <é>\u2028'), dollars, quantity=2)
    succeeded(refund(admin, purchase["id"], amount="25"))
    taken_back = book_transfer((dollars.pk, bobs, "2"), reference='\u00e9\u2028\\"</script>\x7f')
    reverse(admin, taken_back)
    return alice, bob


def reverse(admin: User, transaction_id: int) -> None:
    succeeded(signed_in(admin).post(f"{API}/transactions/{transaction_id}/reverse", {"reason": "disputed"}))


def test_both_ways_answer_alike_after_everything_that_books(busy: tuple[User, User]) -> None:
    for user in busy:
        assert_alike(Reader(user), *urls_of(user))


def test_requests_of_one_batch_do_not_disturb_each_other(busy: tuple[User, User]) -> None:
    requests = [(Reader(user), url) for user in busy for url in urls_of(user)]
    random.shuffle(requests)
    assert fast(*(reader.request(url) for reader, url in requests)) == [reader.by_view(url) for reader, url in requests]


def test_who_has_nothing_gets_empty_lists(alice: Any) -> None:
    assert_alike(Reader(alice), *LISTS)
    open_wallet(owner_id=alice.pk, currency="USD")
    assert_alike(Reader(alice), *LISTS)


def test_a_page_has_a_link_exactly_if_another_follows(alice: Any) -> None:
    many_credits(alice, ALICES, 50)
    for number in range(49):
        open_wallet(owner_id=alice.pk, currency="EUR" if number % 2 else "USD")
    assert_alike(Reader(alice), *LISTS, *(f"{path}?limit=49" for path in LISTS))
    many_credits(alice, ALICES, 1)
    open_wallet(owner_id=alice.pk, currency="USD")
    assert_alike(Reader(alice), *LISTS, *(f"{path}?limit={n}" for path in LISTS for n in (50, 51)))


def test_random_histories_are_told_alike(alice: Any, bob: Any, admin: Any) -> None:
    wallets = [wallet_of(user, holding="100") for user in (alice, alice, alice, bob)]
    commission = house_wallet("commission")
    for number in range(80):
        source, target = random.sample(wallets, 2)
        lines = [(source, target, f"{random.randint(1, 100) / 100}"), (source, commission, "0.01")]
        booked = book_transfer(*lines[: random.randint(1, 2)], reference=f"transfer {number}")
        if random.random() < 0.2:
            fund(target, "5")
            reverse(admin, booked)
    for user in (alice, bob):
        assert_alike(Reader(user), *urls_of(user))


def test_what_is_not_ones_own_is_left_to_the_view(busy: tuple[User, User], mallory: Any) -> None:
    reader = Reader(mallory)
    hidden = [url for url in urls_of(busy[0]) if url.rpartition("/")[2].isdecimal()]
    assert len(hidden) > 10
    assert set(fast(*map(reader.request, [*hidden, *(f"{path}/{2**62}" for path in LISTS)]))) == {None}


def test_a_page_that_may_lack_transactions_is_left_to_the_view(alice: Any, bob: Any) -> None:
    """No operation books three lines of one wallet. Of such transactions the page would read too few."""
    mine, other, bobs = wallet_of(alice, holding="100"), wallet_of(alice, holding="100"), wallet_of(bob)
    book_transfer((other, bobs, "1"))
    for _ in range(5):
        book_transfer(*[(mine, bobs, "1")] * 3)
    assert fast(Reader(alice).request(f"{API}/transactions?limit=4")) == [None]
    assert_alike(Reader(alice), f"{API}/transactions?limit=20")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=05", "limit=+5", "limit=5&limit=5", "limit=5&", "limit=", "cursor=cD00"]
)
def test_other_queries_are_for_the_view(alice: Any, query: str) -> None:
    headers = [(b"host", HOST.encode()), (b"authorization", Reader(alice).authorization.encode())]
    for path in (*LISTS, f"{API}/wallets/7"):
        assert recognise("GET", path, b"", headers, "http", b"") is not None
        assert recognise("GET", path, query.encode(), headers, "http", b"") is None
    assert recognise("GET", f"{API}/transactions/7", b"limit=5", headers, "http", b"") is None


@pytest.mark.parametrize(("wallets", "lines"), [(1, 1_000), (30, 40)])
def test_a_page_reads_two_lines_for_each_transaction_and_one_more(alice: Any, wallets: int, lines: int) -> None:
    """Of each wallet, however long its history is."""
    for number in range(wallets):
        many_credits(alice, ALICES + number, lines)
    limit = 10
    scanned = scanned_postings(statement_of_page(alice, limit))
    assert scanned["sequence"] == wallets * (2 * (limit + 1) + 1)
    assert scanned["transaction"] == limit + 1


def statement_of_page(user: User, limit: int) -> Statement:
    questions, steps = QuestionBatch(), pipeline.Pipeline()
    ledger_reads.FIRST_TRANSACTIONS.ask(questions, user.pk, limit)
    questions.queue_reading(steps)
    [statement] = steps.statements
    return statement


def scanned_postings(statement: Statement) -> Counter[str]:
    """Return how many postings a kept plan read, by numbers or by transaction."""
    text, parameters = statement
    sql("ANALYZE payments_posting, payments_transaction, payments_wallet")  # not what other tests have left there
    for name, value in KEEP_PLANS.items():
        sql(f"SET LOCAL {name} = {value}")
    sql(f"PREPARE page AS {text}")
    values = ", ".join(value.decode() for value in parameters if value is not None)
    [[[plan]]] = sql(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ({values})")
    sql("DEALLOCATE page")
    rows: Counter[str] = Counter()
    nodes = [plan["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "payments_posting":
            condition = node.get("Index Cond") or node.get("Recheck Cond")  # the second is a bitmap's
            assert condition, node
            key = "transaction" if "transaction_id" in condition else "sequence"
            rows[key] += round(node["Actual Rows"] * node["Actual Loops"])
    return rows
