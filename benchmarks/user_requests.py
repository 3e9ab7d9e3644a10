"""What users ask, prepared beforehand, so that the load generator only has to number each request."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.databases import FIRST_WALLET, MANY, PASSWORD

#: The users who have signed in. Each owns the wallet of the same id. The first ones have a long history.
SIGNED_IN = 1_000
READERS = 4
RECEIVER, SENDER = FIRST_WALLET + READERS, FIRST_WALLET + READERS + 1
PRODUCTS, PAGE = 100, 50
PRICE = Decimal("0.50")
MAX_QUANTITY, MAX_CENTS = 3, 100
#: Distinct ones; after the last comes the first again, under another key.
PREPARED = 20_000
TRANSFERS, PURCHASES, NOTHING = "transfers", "purchases", ""

Expected = tuple[int, int, Decimal]


class UserRequest(NamedTuple):
    """`authorization` is the value of the header. `expected` says what is to be booked: from, to, and how much."""

    method: str
    path: str
    authorization: str = ""
    body: str = ""
    expected: Expected | None = None

    def line(self) -> str:
        return "\t".join(self[:4])


@dataclass(frozen=True)
class Tokens:
    """What the users show to one contestant: the headers' values, from the first user on."""

    headers: Sequence[str]

    def of(self, user: int) -> str:
        return self.headers[user - FIRST_WALLET]


@dataclass(frozen=True)
class Workload:
    """`books` says what its requests leave behind: TRANSFERS, PURCHASES or NOTHING. `is_whole` looks at an answer."""

    title: str
    books: str
    make: Callable[[Tokens], UserRequest]
    is_whole: Callable[[Any], bool] | None = None

    def prepare(self, tokens: Tokens, count: int = PREPARED) -> list[UserRequest]:
        return [self.make(tokens) for _ in range(count)]


def anybody() -> int:
    """A user who has signed in, but none of those with a part of their own."""
    return random.randint(SENDER + 1, FIRST_WALLET + SIGNED_IN - 1)


def any_wallet() -> int:
    return random.randint(SENDER + 1, MANY.last)


def transfer(tokens: Tokens, source: int, destination: int) -> UserRequest:
    while destination == source:
        destination = any_wallet()
    amount = Decimal(random.randint(1, MAX_CENTS)) / 100
    body = json.dumps({"source": source, "destination": destination, "amount": f"{amount:.2f}"})
    return UserRequest("POST", "/api/v1/transfers", tokens.of(source), body, (source, destination, amount))


def purchase(tokens: Tokens, product: int) -> UserRequest:
    buyer, quantity = anybody(), random.randint(1, MAX_QUANTITY)
    body = json.dumps({"product": product, "wallet": buyer, "quantity": quantity})
    return UserRequest(
        "POST", "/api/v1/purchases", tokens.of(buyer), body, (buyer, product, PRICE * quantity)
    )  # fmt: skip


def wallet(tokens: Tokens) -> UserRequest:
    user = anybody()
    return UserRequest("GET", f"/api/v1/wallets/{user}", tokens.of(user))


def page(tokens: Tokens) -> UserRequest:
    reader = FIRST_WALLET + random.randrange(READERS)
    return UserRequest("GET", f"/api/v1/transactions?limit={PAGE}", tokens.of(reader))


def is_wallet(answer: Any) -> bool:
    return Decimal(answer["balance"]) > 0


def is_page(answer: Any) -> bool:
    return len(answer["results"]) == PAGE


def login(_: Tokens) -> UserRequest:
    body = {"email": f"user{anybody() - FIRST_WALLET}@bench.example", "password": PASSWORD}
    return UserRequest("POST", "/api/v1/auth/login", body=json.dumps(body))


WORKLOADS = {
    "transfers": Workload(
        "transfers, many pairs", TRANSFERS, lambda tokens: transfer(tokens, anybody(), any_wallet())
    ),
    "into_one": Workload(
        "transfers, all into one wallet", TRANSFERS, lambda tokens: transfer(tokens, anybody(), RECEIVER)
    ),
    "from_one": Workload(
        "transfers, all from one wallet", TRANSFERS, lambda tokens: transfer(tokens, SENDER, any_wallet())
    ),
    "purchases": Workload(
        f"purchases of {PRODUCTS} products", PURCHASES, lambda tokens: purchase(tokens, random.randint(1, PRODUCTS))
    ),
    "one_product": Workload("purchases of one product", PURCHASES, lambda tokens: purchase(tokens, 1)),
    "wallet": Workload("one wallet", NOTHING, wallet, is_wallet),
    "page": Workload(
        f"a page of {PAGE} transactions", NOTHING,
        page, is_page,
    ),
    "login": Workload("login", NOTHING, login),
}  # fmt: skip


def write(path: Path, prepared: Sequence[UserRequest]) -> None:
    """One request on each line, as wrk.lua reads them."""
    with path.open("w") as file:
        file.writelines(f"{request.line()}\n" for request in prepared)
