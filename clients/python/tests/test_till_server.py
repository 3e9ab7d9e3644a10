"""What a team's tests get says what is wrong with its checkout. That nothing is left of it: conftest.py."""

from pathlib import Path

import pytest

from till_client.testing import run_till

pytestmark = pytest.mark.slow


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="checkout"), run_till(tmp_path):
        pass


def test_a_till_that_does_not_start_says_why(till_checkout: Path) -> None:
    wrong = {"TILL_ACCESS_TOKEN_SECONDS": "never"}
    with pytest.raises(RuntimeError, match="TILL_ACCESS_TOKEN_SECONDS"), run_till(till_checkout, environment=wrong):
        pass
