"""`python -m benchmarks.peers.hordak.prepare FIRST USERS`: the tables, and an account for each wallet id."""

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402  after the setup
from django.db import connection  # noqa: E402
from hordak.models import Account, AccountType  # type: ignore[import-not-found]  # noqa: E402

from benchmarks.peers.hordak.views import CLEARING_CODE  # noqa: E402


def main(first: int, users: int) -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    Account.objects.create(name="clearing", code=CLEARING_CODE, type=AccountType.asset, currencies=["USD"])
    # One by one through the tree's manager would take minutes. Each is a root of its own: a tree of one.
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
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
