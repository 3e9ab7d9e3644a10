"""A TypeScript client that is generated from the document does what people do, against a Till that serves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.openapi.conftest import GeneratedClientStage
from tests.support.shop_users import PASSWORD

pytestmark = pytest.mark.node

ROOT = Path(__file__).resolve().parents[2]
SOURCE, PACKAGES = Path(__file__).parent / "node", ROOT / ".venv/node/node_modules"


def run(folder: Path, *command: str, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_generated_client_registers_pays_in_buys_sends_and_reads(document: Path, stage: GeneratedClientStage) -> None:
    folder = document.parent
    for name in ("flows.ts", "tsconfig.json", "package.json"):
        shutil.copy(SOURCE / name, folder)
    (folder / "node_modules").symlink_to(PACKAGES)
    tools = folder / "node_modules/.bin"
    run(folder, f"{tools}/openapi-typescript", document.name, "--default-non-nullable=false", "-o", "openapi.d.ts")
    run(folder, f"{tools}/tsc", "-p", ".")
    environment = {"SERVICE": stage.service, "PRODUCT": str(stage.product), "PASSWORD": PASSWORD}
    run(folder, "node", "flows.js", TILL_URL=stage.url, **environment)
