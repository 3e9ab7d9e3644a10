"""`python -m benchmarks.peers.hordak.prepare FIRST USERS`: the tables, and an account for each wallet id.

`… FIRST USERS SIGNED_IN HISTORY AMOUNT BUSY`: also so many users with their tokens, and deposits of this amount.
They are spread as sql/till_fill.sql spreads Till's.
"""

import sys
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  after the setup
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from hordak.models import Account, AccountType  # type: ignore[import-not-found]  # noqa: E402
from moneyed import Money  # type: ignore[import-not-found]  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from benchmarks.peers.hordak.tokens import key_of  # noqa: E402
from benchmarks.peers.hordak.views import CLEARING_CODE, clearing  # noqa: E402

#: One in so many deposits goes to a busy wallet.
BUSY_EVERY = 10


def open_accounts(first: int, users: int) -> None:
    """One by one through the tree's manager would take minutes. Each is a root of its own: a tree of one."""
    Account.objects.create(name="clearing", code=CLEARING_CODE, type=AccountType.asset, currencies=["USD"])
    Account.objects.bulk_create(
        [
            Account(
                pk=first + n, name=f"wallet {first + n}", code=str(1 + n), type=AccountType.liability,
                currencies=["USD"], lft=1, rght=2, tree_id=2 + n, level=0,
            )
            for n in range(users)
        ],
        batch_size=1_000,
    )  # fmt: skip


def sign_in(first: int, count: int) -> None:
    ids = range(first, first + count)
    User.objects.bulk_create([User(pk=user, username=str(user)) for user in ids], batch_size=1_000)
    Token.objects.bulk_create([Token(key=key_of(user), user_id=user) for user in ids], batch_size=1_000)


@transaction.atomic
def deposit(first: int, users: int, count: int, amount: int, busy: int) -> None:
    accounts, money = Account.objects.in_bulk(range(first, first + users)), Money(amount, "USD")
    for wallet in islice(wallets(first, users, busy), count):
        accounts[wallet].transfer_to(clearing(), money, description="deposit")


def wallets(first: int, users: int, busy: int) -> Iterator[int]:
    """Where each deposit goes, without end: to the busy wallets in turn, and in between to the others in turn."""
    busy_ones, others = cycle(range(first, first + busy)), cycle(range(first + busy, first + users))
    while True:
        yield from islice(others, BUSY_EVERY - 1)
        yield next(busy_ones)


def main(first: int, users: int, signed_in: int = 0, history: int = 0, amount: int = 0, busy: int = 1) -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    open_accounts(first, users)
    sign_in(first, signed_in)
    deposit(first, users, history, amount, busy)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    given: Any = map(int, sys.argv[1:])
    main(*given)
