"""The folder of an embedded database: where everything is, and where its server listens."""

import hashlib
import json
import os
import random
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

ROLE = DATABASE = "till"
#: What `make run` serves as: ROLE owns the tables, and is a superuser.
SERVICE_ROLE = "till_service"
SOCKET_PORT = 5432
# The kernel's limit is 108 bytes on Linux and 104 on macOS, with the closing zero.
SOCKET_PATH_BYTES = 100
LOG_TAIL_LINES = 15


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Endpoint:
    """Where the running server listens: a folder with a socket, or an address."""

    host: str
    port: int


@dataclass(frozen=True)
class Cluster:
    till_data: Path

    @property
    def home(self) -> Path:
        return self.till_data / "postgres"

    @property
    def pgdata(self) -> Path:
        return self.home / "data"

    @property
    def configuration(self) -> Path:
        """Beside the data folder, not in it: root writes it, and the server's user could put a link there."""
        return self.home / "postgresql.conf"

    @property
    def sockets(self) -> Path:
        return self.home / "run"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def password_file(self) -> Path:
        return self.home / "password"

    @property
    def endpoint_file(self) -> Path:
        return self.home / "endpoint.json"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the database."""
        return self.home / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Exclusive, by the one process that is having a supervisor started."""
        return self.home / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Exclusive, by the supervisor for its life; contains its process id. Only it touches PostgreSQL."""
        return self.home / "supervisor.lock"

    @property
    def title(self) -> str:
        """What every process of this server shows in its command line."""
        return f"till-{hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:12]}"

    def create_home(self) -> None:
        """Idempotent. Root's server is another user and must get in; what is secret inside is closed."""
        if not self.home.is_dir():
            self.home.mkdir(parents=True, exist_ok=True)
            self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def published_endpoint(self) -> Endpoint | None:
        try:
            return Endpoint(**json.loads(self.endpoint_file.read_bytes()))
        except FileNotFoundError:
            return None

    def publish(self, endpoint: Endpoint) -> None:
        """From now on users connect. The file appears whole or not at all."""
        draft = self.endpoint_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(endpoint)))
        draft.replace(self.endpoint_file)

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def log_since(self, size: int) -> str:
        """What was logged after `log_size` gave `size`."""
        return self.log.read_bytes()[size:].decode(errors="replace")

    def log_tail(self) -> str:
        """For an error message."""
        try:
            lines = self.log_since(0).splitlines()
        except OSError as error:
            return f"Its log {self.log} cannot be read: {error.strerror}."
        return "\n".join([f"The end of {self.log}:", *lines[-LOG_TAIL_LINES:]])


def choose_endpoint(cluster: Cluster) -> Endpoint:
    """A socket; 127.0.0.1 where its path is too long, or has a comma, which separates hosts for clients."""
    path = os.fsencode(cluster.sockets / f".s.PGSQL.{SOCKET_PORT}")
    if len(path) <= SOCKET_PATH_BYTES and b"," not in path:
        return Endpoint(str(cluster.sockets), SOCKET_PORT)
    return Endpoint("127.0.0.1", _free_port())


def _free_port() -> int:
    """Below 32768: the system gives the ports above to outgoing connections."""
    for port in random.sample(range(20000, 32768), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EmbeddedPostgresError("No free port on 127.0.0.1.")
