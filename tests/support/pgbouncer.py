"""A PgBouncer before the test's database, as Debian packages it."""

import os
import pwd
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection

from tests.support.live import free_port

SECONDS = 10
PROGRAM = "/usr/sbin/pgbouncer"


def keeps_prepared_statements() -> bool:
    """Whether this version can be told to (1.21 and later)."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in version.split()[1].split(".")[:2]) >= (1, 21)


class PgBouncer:
    """Made and stopped by a test; `url` is what DATABASE_URL becomes."""

    def __init__(self, mode: str, **changes: str) -> None:
        self.mode = mode
        connection.ensure_connection()
        self._server = connection.connection.info
        self.port = free_port()
        self._folder = TemporaryDirectory(prefix="till-pgbouncer-")
        self._write(mode, changes)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        user, database = quote(self._server.user, safe=""), quote(self._server.dbname, safe="")
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it lets clients in. As root it runs as the server's owner: it refuses root."""
        program = [PROGRAM, "--quiet", str(Path(self._folder.name) / "pgbouncer.ini")]
        self._process = subprocess.Popen(program, stderr=subprocess.DEVNULL, **self._owner())
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=SECONDS):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("PgBouncer did not start")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def reconnect(self) -> None:
        """Let it open its connections to the server anew."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=self._server.user, dbname="pgbouncer", autocommit=True
        ) as console:
            console.execute("RECONNECT")

    def _write(self, mode: str, changes: dict[str, str]) -> None:
        folder, user = Path(self._folder.name), self._server.user
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": str(folder / "users"),
            "admin_users": user,
            "pool_mode": mode,
            "default_pool_size": "20",
            "query_wait_timeout": "5",
        } | changes
        server = f"host={self._server.host} port={self._server.port}"
        lines = [
            "[databases]",
            f"* = {server}",
            "[pgbouncer]",
            *(f"{key} = {value}" for key, value in settings.items()),
        ]
        (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        (folder / "users").write_text(f'"{user}" "{self._server.password or ""}"\n')
        if owner := self._owner():
            for path in (folder, *folder.iterdir()):
                os.chown(path, owner["user"], owner["group"])

    def _owner(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        socket = Path(self._server.host)
        owner = socket.stat() if socket.is_dir() else pwd.getpwnam("nobody")
        uid, gid = getattr(owner, "st_uid", None), getattr(owner, "st_gid", None)
        if isinstance(owner, pwd.struct_passwd):
            uid, gid = owner.pw_uid, owner.pw_gid
        return {"user": uid, "group": gid, "extra_groups": []}
