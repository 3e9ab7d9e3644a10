"""What gunicorn's master and workers do for Till, besides serving (the settings: config/gunicorn.conf.py)."""

import asyncio
import gc
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.urls import get_resolver
from prometheus_client import multiprocess, values  # no metric: those are made in a worker (count_under_number)
from uvicorn_worker import UvicornWorker

from accounts.networks import LOOPBACK
from config.environment import BadVariable, Environment
from config.server import webhook_activity as webhook_activity  # made here, before the workers that share it
from config.server.startup_message import startup_message
from config.server.upgrades import allow_upgrades, relieve_predecessor

DRAIN_SECONDS = 25
METRICS_PREFIX = "till-metrics-"
MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no annotations
    """Uvicorn's worker, which also ends at SIGQUIT and when its master was killed: an orphan would keep the port.

    A master that gets SIGINT or SIGQUIT alone passes on SIGQUIT. uvicorn's worker notes that and does not act on it: it
    would be killed half a minute later.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "config.server.http_protocol:Protocol",  # loaded in the worker, when Django is set up
        "ws": "none",  # no page speaks it: asking for it is ignored
        # Addresses and schemes forwarded by proxies are Django's to judge, with TILL_TRUSTED_PROXIES.
        "proxy_headers": False,
        "access_log": False,
        "server_header": False,
        "timeout_notify": 1,
        "timeout_graceful_shutdown": DRAIN_SECONDS,
        "limit_concurrency": 10_000,
    }

    is_announced = False

    async def callback_notify(self) -> None:
        """Once a second, from when requests are answered."""
        await super().callback_notify()
        if not self.is_announced:
            self.is_announced = True
            announce(self)
        if not self.alive or os.getppid() != self.ppid:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)


def bind_address(env: Environment, port: int, *, debug: bool) -> str:
    """Where to listen. Development mode, with its published passwords, never leaves the loopback."""
    host = env.text("TILL_BIND", "127.0.0.1")
    if debug and host not in LOOPBACK:
        raise BadVariable("TILL_BIND", "127.0.0.1 (or unset) in development mode")
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # gunicorn would try it again and again, and then not say which variable it was
        raise BadVariable("TILL_BIND", "an address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def worker_count(env: Environment) -> int:
    return env.number("TILL_WORKERS", max(2, os.cpu_count() or 1), minimum=1, maximum=256)


def raise_limit_of_open_files() -> None:
    """Let this process and its workers open as many files as the system allows: each connection is one.

    Many systems begin with a soft limit of 1024, which a few thousand slow clients fill.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS calls its limit infinite, and refuses to set it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def make_metrics_folder() -> None:
    """Give this master's workers an empty folder to share their counters in; sweep those of killed masters.

    Runs again when the configuration is reloaded (SIGHUP), and then keeps the folder of the running workers.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{METRICS_PREFIX}*"):
        if not _is_running(folder.name.removeprefix(METRICS_PREFIX).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    prefix = f"{METRICS_PREFIX}{os.getpid()}-"
    if not Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")).name.startswith(prefix):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=prefix)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def remove_metrics_folder(_arbiter: Any = None) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def number_worker(arbiter: Any, worker: Any) -> None:
    """Give a worker the lowest number that no running one has, before it is forked."""
    taken = {running.metrics_number for running in arbiter.WORKERS.values()}
    worker.metrics_number = next(number for number in count(1) if number not in taken)


def count_under_number(_arbiter: Any, worker: Any) -> None:
    """Let a worker continue the files of the worker whose number it has.

    The library names files by process id. Then each replaced worker would leave its files, and every answer reads all.
    """
    values.ValueClass = values.MultiProcessValue(lambda: worker.metrics_number)  # type: ignore[no-untyped-call]


def forget_dead_worker(_arbiter: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.metrics_number)  # type: ignore[no-untyped-call]


def begin(arbiter: Any) -> None:
    """What the master does before its first worker."""
    refuse_unless_checks_pass(arbiter)
    allow_upgrades(arbiter)


def refuse_unless_checks_pass(_arbiter: Any) -> None:
    """Run the system checks before the first worker; an error ends the start.

    In a process of its own: the master must not open the connections that its workers would inherit. Without
    the pool, whose answer to an unreachable database is a time-out without a reason.
    """
    deploy = [] if Environment().flag("TILL_DEBUG", False) else ["--deploy"]
    command = [sys.executable, str(MANAGE), "check", "--database", "default", *deploy]
    try:
        environment = {**os.environ, "TILL_DB_POOL_SIZE": "0"}
        del environment["PROMETHEUS_MULTIPROC_DIR"]
        result = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  our own manage.py
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if result.returncode:
        remove_metrics_folder()
        raise SystemExit("Till does not start: the system checks above found errors.")


def warm_up(_worker: Any) -> None:
    """Load what the first request would, and take all of it out of the garbage collector's rounds; then send mail.

    A full round over Django and all its models stops a worker for a tenth of a second, again and again. Small rounds
    after every 700 objects cost a single webhook 3 % of its time.
    """
    # Not at the top: gunicorn's master imports this module, and only a worker sets Django up.
    from accounts.services import mail_sender
    from config import docs_pages

    len(get_resolver().url_patterns)
    docs_pages.store_documents()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    mail_sender.start()


def announce(worker: Any) -> None:
    """Replace the predecessor. In development mode the first worker also prints the startup message."""
    relieve_predecessor(worker)
    if worker.age == 1 and settings.TILL_DEBUG:
        sys.stdout.write(startup_message(settings.PORT))
        sys.stdout.flush()
