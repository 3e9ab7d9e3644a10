"""Health checks and metrics, as an orchestrator and Prometheus see them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_django
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from config.environment import BadVariable, Environment
from config.server import health, metrics_page
from config.server.worker import METRICS_PREFIX
from tests.support.http import PLAIN
from tests.support.live import LiveTill, UncheckedTill
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def committed(request: pytest.FixtureRequest, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """The database without a test transaction: the check has a connection of its own."""
    request.getfixturevalue("django_db_setup")
    with django_db_blocker.unblock():
        yield
        connection.close()


def test_the_service_is_alive_without_a_database(client: Client) -> None:
    """pytest-django refuses any query here."""
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("committed")
def test_the_service_is_ready_with_a_migrated_database(client: Client) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


@pytest.mark.usefixtures("committed")
def test_the_service_is_not_ready_before_the_last_migration(client: Client) -> None:
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
def test_the_service_is_not_ready_with_an_empty_database(client: Client) -> None:
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


def test_readiness_is_answered_in_bounded_time_when_the_database_is_silent(silent_server: int) -> None:
    started = time.monotonic()
    answer = ask_with_database(f"postgres://till:hunter2@127.0.0.1:{silent_server}/till")
    assert time.monotonic() - started < 15  # with the start of the process; the check itself takes 2 seconds
    assert answer.startswith("503 5 ")
    assert '"database":"unreachable"' in answer
    assert "hunter2" not in answer
    assert str(silent_server) not in answer


@pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/metrics", "/", "/docs/errors"])
def test_health_and_metrics_refuse_to_be_written_to(address: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(address)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


# --- /metrics ---
@pytest.fixture(autouse=True)
def summed_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_page, "CACHE_SECONDS", -1)


def value_of(text: str, name: str, **labels: str) -> float:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def test_the_metrics_count_requests_by_route(client: Client) -> None:
    def seen() -> float:
        text = client.get("/metrics").content.decode()
        return value_of(text, "till_http_requests_total", route="unmatched", method="GET", status="404")

    before = seen()
    client.get("/no/such/thing")
    client.get("/nor/this?x=1")
    text = client.get("/metrics").content.decode()
    assert seen() == before + 2
    assert "such" not in text


def test_strangers_cannot_invent_labels(client: Client) -> None:
    client.generic("BREW", "/health/live")
    client.get(f"/api/v1/auth/activate/{'t' * 40}", headers={"Host": "evil.example"})
    text = client.get("/metrics").content.decode()
    assert "BREW" not in text
    assert "tttt" not in text


def test_the_metrics_are_in_the_text_format_that_is_asked_for(client: Client) -> None:
    assert client.get("/metrics").headers["Content-Type"].startswith("text/plain; version=")
    accept = "application/openmetrics-text; version=1.0.0"
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.content.endswith(b"# EOF\n")


def test_the_metrics_add_up_what_several_processes_counted(tmp_path: Path) -> None:
    """One after the other, both forked from one that has loaded Till."""
    code = (
        "import os\n"
        "c = Client(headers={'host': 'localhost'})\n"
        "for _ in range(2):\n"
        "    if not os.fork():\n"
        "        c.get('/nowhere'); c.get('/nowhere')\n"
        "        print(c.get('/metrics').content.decode(), end='END', flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()"
    )
    first, second, _ = run_in_a_process(code, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)).split("END")
    counts = [value_of(text, "till_http_requests_total", route="unmatched") for text in (first, second)]
    assert counts == [2, 4]
    assert value_of(second, "till_http_request_seconds_count", route="unmatched") == 4


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_it_tells_this_machine(client: Client, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", "::ffff:10.0.0.7", "", "nonsense"])
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}])
def test_without_a_token_it_tells_nobody_else(client: Client, address: str, headers: dict[str, str]) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=address, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("header", metrics_page.FORWARDED)
def test_a_proxy_beside_us_is_not_this_machine(client: Client, header: str, settings: Any) -> None:
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    settings.TILL_TRUSTED_PROXIES = 1
    assert client.get("/metrics").status_code == 403


def test_with_a_token_it_tells_who_has_it(client: Client, settings: Any) -> None:
    settings.TILL_METRICS_TOKEN = "correct-horse-battery"
    known = {"Authorization": "Bearer correct-horse-battery", "X-Forwarded-For": "203.0.113.9"}
    assert client.get("/metrics", headers=known, REMOTE_ADDR="10.0.0.7").status_code == 200
    for given in ("", "Bearer", "Bearer wrong", "Bearer corr\u00e9ct-horse-battery", "Basic correct-horse-battery"):
        answer = client.get("/metrics", headers={"Authorization": given})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["short", "with space in the middle", "x" * 257])
def test_a_token_that_is_none_ends_the_start(token: str) -> None:
    with pytest.raises(BadVariable, match="TILL_METRICS_TOKEN"):
        Environment({"TILL_METRICS_TOKEN": token}).token("TILL_METRICS_TOKEN")


def test_the_metrics_are_summed_up_once_a_second(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/metrics").content
    monkeypatch.setattr(metrics_page, "CACHE_SECONDS", 60)
    client.get("/no/such/thing")
    assert client.get("/metrics").content == first


@pytest.mark.django_db
def test_the_staff_site_is_one_route(client: Client) -> None:
    for address in ("/admin/", "/admin/login/", "/admin/payments/deposit/", "/admin/nowhere/"):
        client.get(address)
    samples = [s for f in text_string_to_metric_families(client.get("/metrics").content.decode()) for s in f.samples]
    routes = {sample.labels.get("route", "") for sample in samples}
    assert {route for route in routes if route.startswith("admin")} == {"admin/"}


def workers_of(master: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def test_a_replaced_worker_goes_on_counting_in_the_same_files(committed_db: None) -> None:
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    try:
        [folder] = Path(tempfile.gettempdir()).glob(f"{METRICS_PREFIX}{till.master}-*")
        _asked_once_more(till, folder, times=1)
        for times in (2, 3):  # the second is given a number that was given before
            [worker] = workers_of(till.master)
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda gone=worker: workers_of(till.master) not in ([], [gone]))  # type: ignore[misc]  # bound now
            _asked_once_more(till, folder, times=times)
    finally:
        till.stop()


def _asked_once_more(till: LiveTill, folder: Path, *, times: int) -> None:
    with httpx.Client(base_url=till.url, timeout=30, verify=PLAIN) as client:
        # A worker that was only just started answers when it has loaded Django.
        assert client.get("/nowhere").status_code == 404
        assert value_of(client.get("/metrics").text, "till_http_requests_total", route="unmatched") == times
    assert {file.name.rpartition("_")[2] for file in folder.iterdir()} == {"1.db"}
