"""A Till of one's own: started from a checkout, with a fresh embedded PostgreSQL, and stopped with it."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import httpx

START_SECONDS = 120
STOP_SECONDS = 30
#: Ports above are for outgoing connections: one of them may be taken at any moment.
PORTS = range(20_000, 32_000)
#: What would make the checkout's Till another one: its own settings, and those of whoever starts it.
FOREIGN = ("TILL_", "DATABASE_", "DJANGO_", "PYTHON", "COVERAGE_")
#: A test may ask often.
GENEROUS = {"TILL_THROTTLE_WRITES": "1000000/min", "TILL_THROTTLE_RECIPIENTS": "1000000/min"}


@dataclass(frozen=True)
class TillServer:
    """A running Till with its demo logins, products, currencies and rates.

    Its providers are named as their schemes. `secrets` has the secret of each.
    """

    url: str
    data: Path
    user: str = "user_user@example.com"
    other_user: str = "testuser@example.com"
    admin: str = "admin_admin@example.com"
    other_admin: str = "testadmin@example.com"
    password: str = "123456"  # noqa: S105 - published, for demos
    #: Published, for demos.
    secrets: ClassVar[Mapping[str, str]] = {
        "sha256_concat": "gfdmhghif38yrf9ew0jkf32",
        "sha1_colon": "appkey",
        "standard_webhooks": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    }


@contextmanager
def run_till(checkout: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[TillServer]:
    """Start Till as `make run` does, wait until it is ready, and stop it and its PostgreSQL afterwards.

    The checkout needs its `.venv`: `make install` makes it. Raises RuntimeError with Till's own words.
    """
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise RuntimeError(f"{checkout} is no checkout of Till with a .venv: run `make install` in it")
    with TemporaryDirectory(prefix="till-server-") as folder:
        data, port = Path(folder), _free_port()
        own = {"TILL_DEBUG": "1", "TILL_DATA": folder, "PORT": str(port), "TILL_LOG_LEVEL": "WARNING"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        variables = inherited | GENEROUS | own | dict(environment or {})
        log = data / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the checkout's own Python
                [python, "manage.py", "run_demo"],
                cwd=checkout,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}", log)
            yield TillServer(f"http://127.0.0.1:{port}", data)
        finally:
            _stop(process)
            stop = [str(python), "-m", "config.embedded_postgres", "stop", folder]
            subprocess.run(stop, cwd=checkout, env=variables, stdout=subprocess.DEVNULL, timeout=60, check=True)  # noqa: S603


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.HTTPTransport(verify=False) as transport:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                request = httpx.Request("GET", f"{url}/health/ready", extensions={"timeout": _seconds(5)})
                if transport.handle_request(request).status_code == httpx.codes.OK:
                    return
            except httpx.RequestError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"Till did not start:\n{log.read_text(errors='replace')}")


def _seconds(timeout: float) -> dict[str, float | None]:
    return httpx.Timeout(timeout).as_dict()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and its worker: one that lived on would start PostgreSQL again."""
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    for port in random.sample(PORTS, 50):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
