"""Health checks and metrics, as an orchestrator and Prometheus see them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from config import health


@pytest.fixture
def committed(request: pytest.FixtureRequest, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """The database without a test transaction: the check has a connection of its own."""
    request.getfixturevalue("django_db_setup")
    with django_db_blocker.unblock():
        yield
        connection.close()


def test_it_is_alive_without_a_database(client: Client) -> None:
    """pytest-django refuses any query here."""
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("committed")
def test_it_is_ready_with_a_migrated_database(client: Client) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


@pytest.mark.usefixtures("committed")
def test_it_is_not_ready_before_the_last_migration(client: Client) -> None:
    recorder = MigrationRecorder(connection)
    app, name = min(health.latest_migrations())
    recorder.record_unapplied(app, name)
    try:
        answer = client.get("/health/ready")
    finally:
        recorder.record_applied(app, name)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["code"] == "not_ready"
    assert answer.json()["checks"] == {"database": "ok", "migrations": "1 not applied"}


@pytest.mark.usefixtures("committed")
def test_it_is_not_ready_with_an_empty_database(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO hidden")
        try:
            answer = client.get("/health/ready")
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO django_migrations")
    assert answer.status_code == 503
    assert "not applied" in answer.json()["checks"]["migrations"]


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word: the worst that a database can do to a health check."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def run_in_a_process(code: str, **environment: str) -> str:
    """Return what Till prints in a process of its own."""
    start = "import django; django.setup(); from django.test import Client\n"
    result = subprocess.run(
        [sys.executable, "-c", start + code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "TILL_DEBUG": "1"},
    )
    return result.stdout


def ask_with_database(url: str) -> str:
    code = (
        "a = Client().get('/health/ready', headers={'host': 'localhost'})\n"
        "print(a.status_code, a.headers['Retry-After'], a.content.decode())"
    )
    return run_in_a_process(code, DATABASE_URL=url)


def test_it_says_so_in_bounded_time_when_the_database_is_silent(silent_server: int) -> None:
    started = time.monotonic()
    answer = ask_with_database(f"postgres://till:hunter2@127.0.0.1:{silent_server}/till")
    assert time.monotonic() - started < 15  # with the start of the process; the check itself takes 2 seconds
    assert answer.startswith("503 5 ")
    assert '"database":"unreachable"' in answer
    assert "hunter2" not in answer
    assert str(silent_server) not in answer


@pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/metrics", "/", "/docs/errors"])
def test_it_refuses_to_be_written_to(address: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(address)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


# --- /metrics ---
def value_of(text: str, name: str, **labels: str) -> float:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def test_it_counts_requests_by_route(client: Client) -> None:
    def seen() -> float:
        text = client.get("/metrics").content.decode()
        return value_of(text, "till_http_requests_total", route="unmatched", method="GET", status="404")

    before = seen()
    client.get("/no/such/thing")
    client.get("/nor/this?x=1")
    text = client.get("/metrics").content.decode()
    assert seen() == before + 2
    assert "such" not in text


def test_it_does_not_let_strangers_invent_labels(client: Client) -> None:
    client.generic("BREW", "/health/live")
    client.get(f"/api/v1/auth/activate/{'t' * 40}", headers={"Host": "evil.example"})
    text = client.get("/metrics").content.decode()
    assert "BREW" not in text
    assert "tttt" not in text


def test_it_speaks_the_text_format_that_is_asked_for(client: Client) -> None:
    assert client.get("/metrics").headers["Content-Type"].startswith("text/plain; version=")
    accept = "application/openmetrics-text; version=1.0.0"
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.content.endswith(b"# EOF\n")


def test_it_adds_up_what_several_processes_counted(tmp_path: Path) -> None:
    code = (
        "c = Client(headers={'host': 'localhost'})\n"
        "c.get('/nowhere'); c.get('/nowhere'); print(c.get('/metrics').content.decode())"
    )
    texts = [run_in_a_process(code, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) for _ in range(2)]
    counts = [value_of(text, "till_http_requests_total", route="unmatched") for text in texts]
    assert counts == [2, 4]
    assert value_of(texts[1], "till_http_request_seconds_count", route="unmatched") == 4
