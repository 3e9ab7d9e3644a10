"""Making the data folder: the password, initdb, the database. And postgresql.conf, which lies beside it."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from config.embedded_postgres import binaries, privileges
from config.embedded_postgres.cluster import DATABASE, ROLE, Cluster, EmbeddedPostgresError, Endpoint


def prepare(cluster: Cluster) -> None:
    """Makes what is missing. Idempotent; needs the supervisor's lock. Raises EmbeddedPostgresError."""
    owner = binaries.owner(cluster)
    if not cluster.password_file.exists():
        _write_password(cluster.password_file, owner)
    cluster.sockets.mkdir(mode=0o700, exist_ok=True)
    if owner:
        owner.own(cluster.sockets)
    if not cluster.pgdata.exists():
        _initialise(cluster, owner)
    _check_version(cluster)


def _write_password(path: Path, owner: privileges.Identity | None) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix="password.")
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    if owner:
        owner.own(Path(name))  # initdb reads it
    Path(name).replace(path)


def _initialise(cluster: Cluster, owner: privileges.Identity | None) -> None:
    """In a folder beside, renamed when all is on disk: what a killed start leaves never looks finished."""
    for leftover in cluster.home.glob("data.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=cluster.home, prefix="data."))
    if owner:
        owner.own(draft)
    binaries.run(
        cluster, "initdb", "-D", str(draft), "--username", ROLE, "--pwfile", str(cluster.password_file),
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions", pgdata=draft,
    )  # fmt: skip
    binaries.run(
        cluster, "postgres", "--single", "-D", str(draft), "-c", "exit_on_error=on", "postgres",
        pgdata=draft, text=f"CREATE DATABASE {DATABASE}\n",
    )  # fmt: skip
    draft.rename(cluster.pgdata)
    _flush_folder(cluster.home)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_version(cluster: Cluster) -> None:
    version, ours = (cluster.pgdata / "PG_VERSION").read_text().strip(), binaries.MAJOR_VERSION
    if version != ours:
        raise EmbeddedPostgresError(
            f"{cluster.pgdata} was made by PostgreSQL {version}, and PostgreSQL {ours} cannot read it. Dump it"
            " with the old version and load it into a new TILL_DATA, or delete the folder if you can."
        )


def write_configuration(cluster: Cluster, endpoint: Endpoint) -> None:
    """The whole file at each start, so that a newer Till brings its settings along."""
    by_socket = endpoint.host.startswith("/")
    text = CONFIGURATION.format(
        addresses="" if by_socket else endpoint.host,
        # Relative to the data folder, so that the path may have any character. And a server whose folder was
        # deleted cannot remove the socket of its successor.
        sockets=f"../{cluster.sockets.name}" if by_socket else "",
        port=endpoint.port,
        title=cluster.title,
        shared_buffers=shared_buffers_mb(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    )
    cluster.configuration.write_text(text)
    cluster.configuration.chmod(0o644)  # root's server is another user; nothing in it is secret


def shared_buffers_mb(memory: int) -> int:
    """PostgreSQL's cache: an eighth of the machine's memory (in bytes), from 128 MB to 1 GB.

    Random transaction ids touch a page of an index each: on long books what does not fit is read again and again. It
    is taken page by page, as it is used.
    """
    return min(max(128, memory // 8 // 2**20), 1024)


CONFIGURATION = """\
# Written by Till (config/embedded_postgres) at each start. To change a setting for good, use ALTER SYSTEM.
listen_addresses = '{addresses}'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
cluster_name = '{title}'
max_connections = 100

# An answered request is on disk: none of the three is ever to be relaxed here.
fsync = on
synchronous_commit = on
full_page_writes = on

shared_buffers = {shared_buffers}MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
# Shared memory without /dev/shm, which is outside our folder and has only 64 MB in a container.
dynamic_shared_memory_type = mmap
min_dynamic_shared_memory = 32MB

timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
lc_messages = 'C'
lc_monetary = 'C'
lc_numeric = 'C'
lc_time = 'C'
default_text_search_config = 'pg_catalog.english'

# To standard error: a file that the supervisor keeps small. Without statements and values: they are personal.
log_line_prefix = '%m [%p] '
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
"""
