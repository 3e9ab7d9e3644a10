"""docs/architecture.md shows the tree as it is, and its walks name files, classes and functions that exist."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.text

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
STEP = re.compile(r"^\d+\. `([^`]+\.py)`, (`[^`]+`(?:, `[^`]+`)*): ", re.MULTILINE)
#: Packages that hold no subject: what Django looks for, and what is only data.
GATHERING = {"management", "migrations", "tests", "formats"}


def picture() -> list[str]:
    """The lines of the tree, from the top."""
    block = re.search(r"^## The tree\n+```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert block
    return block[1].splitlines()


def drawn(*, inside: str = "") -> list[set[str]]:
    """The folders of each line: those of the top, or those inside of one of them."""
    parent, layers = "", []
    for line in picture():
        folders = set(re.findall(r"(?<![\w/])(\w+)/", re.split(r" {3,}(?=\w)", line.strip())[0]))
        if not line.startswith(" "):
            parent = next(iter(folders))
        if (parent == inside) if line.startswith(" ") else not inside:
            layers.append(folders)
    return layers


def layers(contract: str) -> list[set[str]]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    lines = contracts[f"importlinter:contract:{contract}"]["layers"].split("\n")
    return [set(re.findall(r"\w+", line)) for line in lines if line.strip()]


def packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")} - GATHERING


def test_the_tree_shows_every_package() -> None:
    assert set().union(*drawn()) == packages(ROOT) | {"tests"}
    for package in ("config", "payments"):
        assert set().union(*drawn(inside=package)) == packages(ROOT / package)


@pytest.mark.parametrize(("contract", "inside"), [("packages", ""), ("config", "config"), ("payments", "payments")])
def test_the_tree_has_the_order_of_imports(contract: str, inside: str) -> None:
    known = set().union(*drawn(inside=inside)) - {"benchmarks"}
    assert [line - {"benchmarks"} for line in drawn(inside=inside)] == [
        line & known for line in layers(contract) if line & known
    ]


def walks() -> Iterator[tuple[str, str]]:
    for path, names in STEP.findall(PAGE):
        yield from ((path, name) for name in re.findall(r"`([^`]+)`", names))


def test_every_step_of_the_walks_names_a_file_and_what_is_in_it() -> None:
    walked = PAGE.partition("\n## A webhook")[2].partition("\n## Processes")[0]
    steps = re.findall(r"^\d+\. ", walked, re.MULTILINE)
    assert len(steps) > 30
    assert len(STEP.findall(walked)) == len(steps)


@pytest.mark.parametrize(("path", "name"), sorted(set(walks())))
def test_a_name_of_the_walks_exists(path: str, name: str) -> None:
    assert name in defined(ROOT / path)


def defined(path: Path) -> set[str]:
    """Functions, classes and their methods, and the names that are assigned at the top."""
    tree = ast.parse(path.read_text())
    names = {name for node in tree.body for name in names_of(node)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for inner in node.body for name in names_of(inner)}
    return names


def names_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    prose = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`", prose))
    assert len(named) > 8
    assert not [path for path in named if not (ROOT / path).exists()]
