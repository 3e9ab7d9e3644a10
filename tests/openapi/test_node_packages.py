"""The packages that read the document with node: pinned, and named without the host that they come from."""

import json
import re
from pathlib import Path

NODE = Path(__file__).parent / "node"


def test_each_package_is_pinned_by_version_and_digest() -> None:
    wanted = json.loads((NODE / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["devDependencies"] == wanted
    assert not [name for name, package in packages.items() if not package.get("integrity")]


def test_the_lock_names_no_registry() -> None:
    assert not re.search(r'"resolved"|https?://[^"]*registry|registry\.npmjs', (NODE / "package-lock.json").read_text())
