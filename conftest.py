"""The cast and the stage of every test: real PostgreSQL, and the books as a fresh installation has them.

Currencies, house wallets and providers are committed once for the whole run. A test that rolls back asks for `db`
(or for a person, who brings it); one whose threads or processes must see each other's commits asks for
`committed_db`, which empties the tables afterwards.
"""

import fcntl
import itertools
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from model_bakery.recipe import Recipe
from pytest_django.plugin import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.hashers import OwaspArgon2PasswordHasher
from accounts.models import User
from tests.support import recipes
from tests.support.live import LiveTill
from tests.support.waiting import wait_until

GUARDED = (
    *("payments_transaction", "payments_posting", "payments_webhookevent", "payments_wallet"),
    *("payments_deposit", "payments_withdrawal", "payments_transfer", "payments_exchange", "payments_reversal"),
    *("catalog_purchase", "catalog_refund", "django_admin_log", "payments_event", "payments_outboxevent"),
)
ROOT = Path(__file__).resolve().parent
#: Their tests ask PostgreSQL for every statement, guard and lock of ours.
APPS = {"accounts", "catalog", "payments", "postgres"}
#: The fixtures of it, also what a file makes a stage of its own with, and the people, who ask as they are made.
BRING_THE_DATABASE = {
    *("db", "committed_db", "database", "django_db_setup"),
    *("alice", "bob", "mallory", "admin", "service"),
}
#: Rounds and KiB: a hash gives way to all else, and beside other tests takes ten times its 35 ms.
CHEAP_HASHES, REAL_HASHES = (1, 8), (OwaspArgon2PasswordHasher.time_cost, OwaspArgon2PasswordHasher.memory_cost)
#: One embedded server has connections for two runs with so many processes.
MAX_PROCESSES = 4
#: What one user of a test does in a minute is no attack. The tests of a throttle set its rate themselves.
GENEROUS = {"TILL_THROTTLE_WRITES": "writes", "TILL_THROTTLE_RECIPIENTS": "recipients"}
#: Which of the runs at this moment a process belongs to.
RUN = "TILL_TEST_RUN"
_KEPT_OPEN: list[IO[str]] = []
KEPT = {"payments_currency", "payments_provider", "payments_wallet", "django_content_type", "auth_permission"}


def pytest_configure() -> None:
    """Raise them here and in the processes that tests start."""
    rates = cast("dict[str, str]", settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
    for variable, scope in GENEROUS.items():
        rates[scope] = os.environ[variable] = "1000000/min"
    OwaspArgon2PasswordHasher.time_cost, OwaspArgon2PasswordHasher.memory_cost = CHEAP_HASHES
    _list_static_files_once()
    _take_a_name_for_the_database()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for processes that they started, and for PostgreSQL."""
    return min(len(os.sched_getaffinity(0)) + 1, MAX_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow files first: one that comes last keeps one process busy while the others have nothing left to do."""
    for item in items:
        if item.path.relative_to(ROOT).parts[0] in APPS and _uses_the_database(item):
            item.add_marker("postgres")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    with _asks_only_if_marked(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    with _asks_only_if_marked(item):
        return (yield)


@contextmanager
def _asks_only_if_marked(item: pytest.Item) -> Iterator[None]:
    """Without the mark it would not run on the oldest PostgreSQL that we support, and nobody would miss it."""

    def refuse(*_: Any) -> Any:
        pytest.fail("it asks PostgreSQL, but is not marked `postgres`: add what brings it to BRING_THE_DATABASE")

    is_free = item.path.relative_to(ROOT).parts[0] not in APPS or item.get_closest_marker("postgres")
    with nullcontext() if is_free else connection.execute_wrapper(refuse):
        yield


def _uses_the_database(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return item.get_closest_marker("django_db") is not None or not BRING_THE_DATABASE.isdisjoint(fixtures)


def _list_static_files_once() -> None:
    """Share one list among all test clients: each loads the middleware anew, and listing takes 25 ms each time."""
    files: dict[str, Any] = {}
    list_files = WhiteNoiseMiddleware.add_files_from_finders

    def list_once(self: Any) -> None:
        if not files:
            list_files(self)
            files.update(self.files)
        self.files.update(files)

    WhiteNoiseMiddleware.add_files_from_finders = list_once


def _take_a_name_for_the_database() -> None:
    """Give each run of a checkout a database of its own, so that two at a time do not empty each other's.

    The processes of one run have the variable from the one that started them. The lock ends with the run.
    """
    if RUN not in os.environ:
        (folder := settings.TILL_DATA / "tests").mkdir(parents=True, exist_ok=True)
        os.environ[RUN] = str(next(number for number in itertools.count(1) if _locked(folder / f"{number}.lock")))
    if (number := os.environ[RUN]) != "1":
        database = settings.DATABASES["default"]
        database["TEST"] = {**database.get("TEST", {}), "NAME": f"test_{database['NAME']}_{number}"}


def _locked(path: Path) -> bool:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _KEPT_OPEN.append(file)
    return True


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_keepdb: bool,
    django_db_createdb: bool,
) -> Iterator[None]:
    """Make the test's database, always: pytest-django's own does so only for tests that name its fixtures."""
    from django.test.utils import setup_databases, teardown_databases

    from payments.demo.data import open_demo_books

    with django_db_blocker.unblock():
        # Threads that race in one process wait for its few connections as long as it takes: how long is not tested.
        connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 120
        keep = django_db_keepdb and not django_db_createdb
        configured = setup_databases(verbosity=0, interactive=False, keepdb=keep)
        _wait_for_no_disk()
        _number_each_table_apart()
        open_demo_books()
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            wait_until(_nobody_else_is_connected)
            teardown_databases(configured, verbosity=0)


def _nobody_else_is_connected() -> bool:
    """Sessions of a server that has just stopped end a moment later, and no database is dropped that is in use."""
    cast("Any", connection).close_pool()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend')"
        )
        return bool(cursor.fetchone()[0])


def _wait_for_no_disk() -> None:
    """Thousands of commits each waited for it. Tests that cut the power have a server of their own."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    connection.close()
    cast("Any", connection).close_pool()


def _number_each_table_apart() -> None:
    """Start each table's ids at a million of its own.

    How far a sequence has come depends on the tests before. So no test's made-up id may be a row, nor may one
    table's id be another's: both would pass or fail by chance.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND start_value = 1 ORDER BY 1"
        )
        for number, (sequence,) in enumerate(cursor.fetchall(), start=1):
            name = connection.ops.quote_name(sequence)
            cursor.execute(f"ALTER SEQUENCE {name} START {number * 1_000_000} RESTART")


@pytest.fixture(autouse=True)
def _nobody_was_refused() -> None:
    """Another test's callers have this one's addresses."""
    from accounts.rate_limits import refusals

    refusals.clear()


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as dearly as in production, here as in what a test starts."""
    for name, cost in zip(("time_cost", "memory_cost"), REAL_HASHES, strict=True):
        monkeypatch.setattr(OwaspArgon2PasswordHasher, name, cost)


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        connection.close()
        empty_tables()
        connection.close()


def empty_tables() -> None:
    """Remove all that a test committed. Only the tables' owner can: the guards have to be switched off for it."""
    assert connection.settings_dict["NAME"].startswith("test_"), "never empty a database that is not a test's"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_which_tables_hold_rows())
        full = [table for (table,) in cursor.fetchall()]
        guarded = [table for table in GUARDED if table in full]
        cursor.execute(
            ";".join(
                [
                    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guarded),
                    *(f'DELETE FROM "{table}"' for table in full if table != "payments_wallet"),  # noqa: S608 - ours
                    "DELETE FROM payments_wallet WHERE owner_id IS NOT NULL",
                    "SET CONSTRAINTS ALL IMMEDIATE",
                    *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in guarded),
                ]
            )
        )


@cache
def _which_tables_hold_rows() -> str:
    """One statement: most tests leave rows in a few tables of fifty."""
    models = apps.get_models(include_auto_created=True)
    tables = [model._meta.db_table for model in models if model._meta.managed]
    questions = [
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")"  # noqa: S608 - names from our own models
        for table in tables
        if table not in KEPT
    ]
    # House wallets stay, so this one always has rows, and its trigger has to be off for what goes.
    return " UNION ALL ".join([*questions, "SELECT 'payments_wallet'"])


def _user(request: pytest.FixtureRequest, name: str, recipe: Recipe[User] = recipes.user) -> User:
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")
    return recipe.make(email=f"{name}@example.com", full_name=name.title())


@pytest.fixture
def alice(request: pytest.FixtureRequest) -> User:
    """Alice owns things."""
    return _user(request, "alice")


@pytest.fixture
def bob(request: pytest.FixtureRequest) -> User:
    """Bob is another honest user."""
    return _user(request, "bob")


@pytest.fixture
def mallory(request: pytest.FixtureRequest) -> User:
    """Mallory must never see or move a cent that is not hers."""
    return _user(request, "mallory")


@pytest.fixture
def admin(request: pytest.FixtureRequest) -> User:
    """Staff."""
    return _user(request, "admin", recipes.admin)


@pytest.fixture
def service(request: pytest.FixtureRequest) -> User:
    """Settles all deposits and withdrawals, and may do nothing else."""
    service = _user(request, "service", recipes.service)
    recipes.settlement_scope.make(service=service)
    return service


@pytest.fixture
def live_till(committed_db: None) -> Iterator[LiveTill]:
    """Till as `make run` serves it: gunicorn with its workers, on a port of its own, on the test's database."""
    till = LiveTill()
    till.start()
    yield till
    till.stop()
