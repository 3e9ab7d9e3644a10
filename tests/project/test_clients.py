"""The client for Python teams stands for itself: it can be installed, and it knows Till by HTTP only."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_files import PACKAGES, ROOT, imported, sources

CLIENT = ROOT / "clients" / "python"
#: What the tests of the client read of Till's own: nothing.
FOREIGN = {*PACKAGES, "django", "rest_framework", "psycopg"}


def roots(tree: ast.Module) -> set[str]:
    return {module.partition(".")[0] for module in imported(tree)}


def test_nothing_of_till_imports_the_client() -> None:
    assert not [
        path for path in sources() if re.search(r"^\s*(from|import) till_client", path.read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize("path", sorted(CLIENT.rglob("*.py")), ids=lambda path: str(path.relative_to(CLIENT)))
def test_the_client_imports_nothing_of_till(path: Path) -> None:
    assert FOREIGN.isdisjoint(roots(ast.parse(path.read_text())))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as pip installs it, in a folder of its own."""
    checkout, built, folder = (tmp_path_factory.mktemp(name) for name in ("checkout", "built", "installed"))
    copy = shutil.copytree(CLIENT, checkout / "client", ignore=shutil.ignore_patterns("__pycache__"))
    uv = [sys.executable, "-m", "uv", "--offline", "--quiet"]
    subprocess.run([*uv, "build", "--wheel", "--out-dir", built, copy], check=True)
    [wheel] = built.glob("*.whl")
    subprocess.run([*uv, "pip", "install", "--no-deps", "--target", folder, wheel], check=True)
    return folder


def run(folder: Path, *arguments: str) -> str:
    bare = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=bare, check=True, capture_output=True, text=True).stdout


def test_it_is_installed_with_its_types(installed: Path) -> None:
    assert (installed / "till_client" / "py.typed").exists()
    assert "till_client" in run(installed, "-c", "import till_client; print(till_client.__file__)")


def test_it_is_a_plugin_of_pytest(installed: Path) -> None:
    assert "till_server" in run(installed, "-m", "pytest", "--fixtures", "-q", "--till-checkout=.")


def test_its_page_is_one_screen() -> None:
    assert len((CLIENT / "README.md").read_text().splitlines()) <= 55
