"""Two runs of the tests in one checkout, at the same time, do not meet in one database."""

import os
import subprocess
import sys

from django.db import connection

from tests.support.live import ROOT

BESIDE = """
import django
django.setup()
import conftest
from django.conf import settings
conftest.pytest_configure()
print(settings.DATABASES["default"]["TEST"]["NAME"])
"""


def test_a_run_beside_this_one_takes_another_database(db: None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TILL_TEST_RUN"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    beside = subprocess.run(
        [sys.executable, "-c", BESIDE], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    other, ours = beside.stdout.strip(), connection.settings_dict["NAME"]
    assert other.startswith("test_")
    assert other.rpartition("_")[2] != os.environ["TILL_TEST_RUN"]
    assert not ours.startswith(other)
