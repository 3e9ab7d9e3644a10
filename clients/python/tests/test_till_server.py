"""What a team's tests get: a Till that is gone afterwards, with its PostgreSQL and its files."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from till_client import Till
from till_client.testing import run_till

pytestmark = pytest.mark.slow


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_till_serves_and_leaves_nothing_behind(till_checkout: Path) -> None:
    with run_till(till_checkout, environment={"TILL_REGISTRATION_WALLETS": "none"}) as server:
        port = urlsplit(server.url).port or 0
        postgres = int((server.data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        with Till(server.url, email=server.admin, password=server.password) as till:
            assert till.users.me().role == "admin"
    assert not answers(port)
    assert not server.data.exists()
    assert not Path("/proc", str(postgres)).exists()


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="checkout"), run_till(tmp_path):
        pass


def test_a_till_that_does_not_start_says_why(till_checkout: Path) -> None:
    wrong = {"TILL_ACCESS_TOKEN_SECONDS": "never"}
    with pytest.raises(RuntimeError, match="TILL_ACCESS_TOKEN_SECONDS"), run_till(till_checkout, environment=wrong):
        pass
