"""What every measurement stands on: one PostgreSQL, a database for each contestant, users and empty wallets."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accounts.demo_users import DEMO_PASSWORD
from benchmarks import peer, servers
from benchmarks.cluster import Postgres
from benchmarks.notices import Wallets

FIRST_WALLET = 1_000_001
USERS = 10_000
MANY = Wallets(FIRST_WALLET, FIRST_WALLET + USERS - 1)
HOT = Wallets(FIRST_WALLET, FIRST_WALLET)
BUSY_LOGIN, ADMIN_LOGIN, PASSWORD = "user0@bench.example", "admin_admin@example.com", DEMO_PASSWORD
#: Till with its users and wallets and nothing booked: what the others are copies of.
TEMPLATE = "bench_template"

#: What is stored, in any contestant's words: notices, bookings of notices, what all bookings left in the wallets, and
#: what these hold. In Till a side of a posting has a number if it is a user's wallet.
STORED = {
    "till": """
        SELECT (SELECT count(*) FROM payments_webhookevent WHERE verdict = 'credited'),
            count(*) FILTER (WHERE source_sequence IS NULL),
            coalesce(sum(amount) FILTER (WHERE destination_sequence IS NOT NULL), 0)
                - coalesce(sum(amount) FILTER (WHERE source_sequence IS NOT NULL), 0),
            (SELECT sum(balance) FROM payments_wallet WHERE house IS NULL)
        FROM payments_posting
    """,
    "hordak": """
        SELECT (SELECT count(*) FROM webhooks_storednotice), (SELECT count(*) FROM hordak_transaction),
            (SELECT coalesce(sum(credit), 0) FROM hordak_leg), (SELECT coalesce(sum(debit), 0) FROM hordak_leg)
    """,
    "hordak_users": """
        SELECT (SELECT count(*) FROM webhooks_storedtransfer),
            (SELECT count(*) FROM hordak_transaction WHERE description = ''),
            (SELECT coalesce(sum(credit), 0) FROM hordak_leg), (SELECT coalesce(sum(debit), 0) FROM hordak_leg)
    """,
    "double_entry": """
        SELECT (SELECT count(*) FROM booking), (SELECT count(*) / 2 FROM entry),
            (SELECT coalesce(sum(amount), 0) FROM entry WHERE account_id > 0),
            (SELECT sum(balance) FROM account WHERE id > 0)
    """,
}


class Databases:
    """`folder` holds all that is made: PostgreSQL's data, logs, the prepared notices, the peer's environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.postgres = Postgres(self.folder)
        self.notices_file = self.folder / "notices.txt"

    @contextmanager
    def open(self) -> Iterator["Databases"]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # started by root, PostgreSQL runs as another user
        self.postgres.start()
        try:
            self._make_template()
            yield self
        finally:
            self.postgres.stop()
            self.notices_file.unlink(missing_ok=True)

    def _make_template(self) -> None:
        self._make_users(TEMPLATE, servers.ROOT)

    def _make_users(self, database: str, root: Path) -> None:
        """Till with its users and empty wallets, made by the Till in this folder."""
        self.postgres.create(database)
        for command in ("migrate", "seed_currencies", "seed_users"):
            servers.manage(self.postgres.url(database), self.folder, command, root=root)
        self.postgres.run_file(database, "till_users.sql", first=FIRST_WALLET, users=USERS)

    def make_till(self, database: str, root: Path = servers.ROOT) -> None:
        """`root` is where another version of Till is, if it is to be that one's."""
        if root == servers.ROOT:
            self.postgres.create(database, template=TEMPLATE)
        else:
            self._make_users(database, root)

    def fill_till(self, database: str, *, after: int, upto: int, amount: int = 1, busy: int = 1) -> None:
        """Add the postings number `after` + 1 to `upto`, each of this amount, with all rows of their notices."""
        self.postgres.run_file(
            database, "till_fill.sql", after=after, upto=upto, first=FIRST_WALLET, users=USERS, amount=amount, busy=busy
        )

    def make_double_entry(self, database: str) -> None:
        self.postgres.create(database)
        self.postgres.run_file(database, "double_entry_schema.sql", first=FIRST_WALLET, users=USERS)

    def make_hordak(self, database: str, *more: int) -> None:
        """`more`: how many users sign in, the deposits, the amount of each, and how many wallets are busy."""
        peer.install(self.folder)
        self.postgres.create(database)
        peer.prepare(self.folder, self.postgres.url(database), FIRST_WALLET, USERS, *more)

    def stored(self, kind: str, database: str) -> "Stored":
        with self.postgres.connect(database) as connection:
            row = connection.execute(STORED[kind].encode()).fetchone()
        return Stored(*(row or ()))

    def check_ledger(self, database: str, root: Path = servers.ROOT) -> str:
        """Recompute the books of a Till. Raises subprocess.CalledProcessError when they do not balance."""
        servers.manage(self.postgres.url(database), self.folder, "check_ledger", root=root)
        return "balanced"


class Stored:
    def __init__(self, notices: Any = 0, bookings: Any = 0, booked: Any = 0, held: Any = 0) -> None:
        self.notices, self.bookings, self.booked, self.held = int(notices), int(bookings), booked, held

    @property
    def is_sound(self) -> bool:
        """Every notice was booked once, and every cent of it is in a wallet."""
        return self.notices == self.bookings and self.booked == self.held


def token(url: str, email: str) -> str:
    """Log in and return the access token."""
    request = urllib.request.Request(
        f"{url}/api/v1/auth/login",
        json.dumps({"email": email, "password": PASSWORD}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        access: str = json.load(answer)["access"]
    return access
