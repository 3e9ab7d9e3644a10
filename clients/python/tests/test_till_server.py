"""What a team's tests get: the programs of the page run, and what is wrong with a checkout is said.

That nothing is left of it: conftest.py.
"""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from till_client import Till
from till_client.testing import TillServer, run_till

pytestmark = pytest.mark.slow

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def examples() -> list[str]:
    """The two programs of the package's page."""
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def run(program: str, path: Path) -> dict[str, Any]:
    path.write_text(program)
    return runpy.run_path(str(path))


def test_the_first_program_of_the_page_runs_as_it_is_printed(
    examples: list[str], till_server: TillServer, admin: Till, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"https://till.example.com": till_server.url, "alice@example.com": "page@example.com", "…": "a long word"}
    program = examples[0].replace("bob@example.com", till_server.user)
    for printed, own in names.items():
        program = program.replace(printed, own, 1)
    admin.users.create(email="page@example.com", password="a long word", is_active=True)
    run(program, tmp_path / "program.py")
    assert "insufficient_funds" in capsys.readouterr().out


def test_the_test_on_the_page_passes_as_it_is_printed(
    examples: list[str], till_server: TillServer, tmp_path: Path
) -> None:
    run(examples[1], tmp_path / "program.py")["test_a_payment_arrives"](till_server)


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="checkout"), run_till(tmp_path):
        pass


def test_a_till_that_does_not_start_says_why(till_checkout: Path) -> None:
    wrong = {"TILL_ACCESS_TOKEN_SECONDS": "never"}
    with pytest.raises(RuntimeError, match="TILL_ACCESS_TOKEN_SECONDS"), run_till(till_checkout, environment=wrong):
        pass
