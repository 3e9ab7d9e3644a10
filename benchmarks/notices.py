"""Notices signed beforehand, so that the load generator has nothing to compute while it measures."""

import hashlib
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from payments.webhooks.addresses import FIXED_PATHS
from payments.webhooks.provider_secrets import PUBLISHED

SCHEME = "sha1_colon"
PATH = FIXED_PATHS[SCHEME]
#: The demo's published secret of this address.
SECRET = PUBLISHED[SCHEME]
MAX_NOTICE_ID = 2**60
#: One in so many repeats an earlier notice, where repeats are asked for: 5 %.
REPEAT_EVERY = 20
#: How far back the repeated notice lies: it has been answered by then, and was no repeat itself.
REPEAT_DISTANCE = 1001


@dataclass(frozen=True)
class Wallets:
    """The wallets to credit, by their first and last id; each is owned by the user of the same id."""

    first: int
    last: int


def body(number: int, wallet: int, cents: int) -> str:
    """A notice of the form sha1_colon, as docs/webhooks.md describes it."""
    amount = f"{cents // 100}.{cents % 100:02}"
    signature = hashlib.sha1(f"{SECRET}:{number}:{wallet}:{wallet}:{amount}".encode()).hexdigest()  # noqa: S324
    return (
        f'{{"transaction_id": {number}, "user_id": {wallet}, "bill_id": {wallet}, "amount": {amount},'
        f' "signature": "{signature}"}}'
    )


def bodies(count: int, wallets: Wallets, *, repeats: bool = False) -> Iterator[str]:
    """Distinct ones, but for the repeats; the ids are random, as most providers' are."""
    recent: deque[str] = deque(maxlen=REPEAT_DISTANCE)
    for index in range(count):
        if repeats and is_repeat(index):
            text = recent[0]
        else:
            number, wallet = random.randrange(1, MAX_NOTICE_ID), random.randint(wallets.first, wallets.last)
            text = body(number, wallet, random.randint(1, 10_000))
        recent.append(text)
        yield text


def is_repeat(index: int) -> bool:
    return index >= REPEAT_DISTANCE and index % REPEAT_EVERY == REPEAT_EVERY - 1


def repeats_among(count: int) -> int:
    """How many of the first `count` bodies repeat an earlier one."""
    return sum(map(is_repeat, range(count)))


def write(path: Path, count: int, wallets: Wallets, *, repeats: bool = False) -> None:
    """One body on each line."""
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in bodies(count, wallets, repeats=repeats))
