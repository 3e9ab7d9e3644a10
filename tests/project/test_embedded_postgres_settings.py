"""The embedded PostgreSQL: what can be said of it without starting it."""

import os
import subprocess
import sys

import pytest

from config.embedded_postgres import initdb
from tests.support.embedded_servers import PROJECT


def test_the_embedded_postgresql_is_not_imported_with_a_database_url() -> None:
    script = "import django, sys; django.setup(); sys.exit('config.embedded_postgres' in sys.modules)"
    environment = {**os.environ, "DATABASE_URL": "postgres://a:b@localhost/c", "TILL_DEBUG": "1"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, check=True)


@pytest.mark.parametrize(("memory_gb", "cache_mb"), [(0.25, 128), (1, 128), (2, 256), (4, 512), (8, 1024), (256, 1024)])
def test_the_cache_is_an_eighth_of_the_memory_within_bounds(memory_gb: float, cache_mb: int) -> None:
    assert initdb.shared_buffers_mb(int(memory_gb * 2**30)) == cache_mb
