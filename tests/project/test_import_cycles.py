"""Modules do not import each other in a circle, imports within functions and those for types included."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tests.support.source_files import PACKAGES

pytestmark = pytest.mark.text


def imports() -> dict[str, set[str]]:
    first, *others = PACKAGES
    graph = grimp.build_graph(first, *others, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_every_package_and_every_import_is_looked_at() -> None:
    assert {"config", "payments", "benchmarks", "tests"} <= set(PACKAGES)
    # A local import, which sees its module only when it runs.
    assert "config.docs_pages" in imports()["config.server.worker"]
