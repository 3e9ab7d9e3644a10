"""The contestants that speak HTTP, each served as it is in production: started, waited for, stopped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks import machine, peer

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60
STOP_SECONDS = 40
#: From here on, below 32768: the ports above are given to outgoing connections.
FIRST_PORT = 19_400


class DidNotStart(Exception):
    """A server ended or did not answer; its log says why."""


class Server:
    """gunicorn in a process group of its own."""

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], *, ready: str, log: Path, root: Path = ROOT
    ) -> None:
        self.name = name
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._root = root
        self._command = command
        self._environment = {**os.environ, **environment, "PORT": str(self.port)}
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The master's: its workers are its children."""
        if self._process is None:
            raise DidNotStart(f"{self.name} is not running")
        return self._process.pid

    @property
    def workers(self) -> set[int]:
        return machine.children(self.pid)

    def start(self) -> "Server":
        self.launch()
        return self.wait()

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._root, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> "Server":
        """Until it answers. Raises DidNotStart."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DidNotStart(f"{self.name} did not start: see {self.log}")
            time.sleep(0.1)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self._ready, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def till(name: str, database_url: str, folder: Path, root: Path = ROOT, **environment: str) -> Server:
    """Till as `make run` serves it; the one of this folder."""
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"]
    environment = till_environment(database_url, folder) | environment
    return Server(name, command, environment, ready="/health/ready", log=folder / f"{name}.log", root=root)


def till_environment(database_url: str, folder: Path) -> dict[str, str]:
    """Development mode for the demo's secrets and logins; tokens that outlive the longest run; no limit of writes."""
    return {
        "TILL_DEBUG": "1",
        "TILL_DATA": str(folder.resolve()),
        "DATABASE_URL": database_url,
        "TILL_ACCESS_TOKEN_SECONDS": "86400",
        "TILL_THROTTLE_WRITES": "100000000/min",
        "TILL_THROTTLE_LOGIN": "100000000/min",
        "TILL_PENDING_ORDERS": "100000",
    }


def till_view(name: str, database_url: str, folder: Path) -> Server:
    """Till with the fast path switched off: Django's view answers the webhooks."""
    return till(name, database_url, folder, TILL_WEBHOOK_FAST_PATH="0")


def hordak(name: str, database_url: str, folder: Path) -> Server:
    command = [str(peer.python(folder)), "-m", "gunicorn", "-c", "benchmarks/peers/hordak/gunicorn_conf.py"]
    environment = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": peer.SETTINGS}
    return Server(name, command, environment, ready="/ready", log=folder / f"{name}.log")


def user_tokens(database_url: str, folder: Path, *, first: int, count: int, root: Path = ROOT) -> list[str]:
    """Return access tokens of so many users of a Till, from the first on."""
    environment = {**os.environ, **till_environment(database_url, folder), "PYTHONPATH": str(root)}
    # This version's script, whatever version signs them in: -P keeps the script's neighbours out of its way.
    command = [sys.executable, "-P", str(ROOT / "benchmarks" / "user_tokens.py"), str(first), str(count)]
    done = subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


def manage(database_url: str, folder: Path, *words: str, root: Path = ROOT) -> None:
    """Run one of Till's commands on a database. Raises subprocess.CalledProcessError."""
    environment = {**os.environ, **till_environment(database_url, folder)}
    with (folder / "manage.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=root, env=environment, check=True, stdout=log, stderr=log
        )


def earlier(folder: Path, commit: str) -> Path:
    """Return a folder with the project as it was at a commit. Raises subprocess.CalledProcessError."""
    root, packed = folder / "earlier", folder / "earlier.tar"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["git", "archive", "-o", str(packed), commit], cwd=ROOT, check=True)
    with tarfile.open(packed) as archive:
        archive.extractall(root, filter="data")
    packed.unlink()
    return root


_given = iter(range(FIRST_PORT, 32_768))
#: Names that this program holds as long as it lives: one for each of its ports.
_names: list[socket.socket] = []


def _free_port() -> int:
    """Return a port that nobody listens on, and that no other run of the benchmarks has been given.

    A port is free until its server has started. Another run that took it meanwhile would be measured instead.
    """
    for port in _given:
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0till-benchmarks-{port}")
            with socket.socket() as candidate:
                candidate.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _names.append(name)
        return port
    raise DidNotStart("no free port")
