"""The folder of an embedded database: where everything is, and where its server listens."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROLE = DATABASE = "till"
#: What `make run` serves as: ROLE owns the tables, and is a superuser.
SERVICE_ROLE = "till_service"
#: What a supervisor says to the process that started it when a server is up, or another supervisor at work.
UP = "up"
#: The port in the name of a socket. A server with any other port listens on 127.0.0.1.
SOCKET_PORT = 5432
# The lines of postmaster.pid, by the way pg_ctl reads them.
PORT_LINE, STATUS_LINE, READY = 3, 7, "ready"
LOG_TAIL_LINES = 15


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is for the person at the terminal."""


class Endpoint(NamedTuple):
    """Where the server listens: a folder with a socket, or an address."""

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
    def pid_file(self) -> Path:
        return self.pgdata / "postmaster.pid"

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
    def users_lock(self) -> Path:
        """Shared by every process that uses the database."""
        return self.home / "users.lock"

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

    def endpoint(self) -> Endpoint | None:
        """None while the server is not ready. Of use while a supervisor is there: a killed server leaves its file."""
        try:
            lines = self.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return None
        if [line.strip() for line in lines[STATUS_LINE:]] != [READY]:
            return None
        port = lines[PORT_LINE].strip()
        if not port.isdecimal():  # a damaged file
            return None
        return Endpoint(str(self.sockets) if int(port) == SOCKET_PORT else "127.0.0.1", int(port))

    def log_tail(self) -> str:
        """For an error message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError as error:
            return f"Its log {self.log} cannot be read: {error.strerror}."
        return "\n".join([f"The end of {self.log}:", *lines[-LOG_TAIL_LINES:]])
