"""django-hordak in an environment of its own, so that neither's requirements bind the other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.hordak.tokens import key_of

HERE = Path(__file__).resolve().parent / "peers" / "hordak"
REQUIREMENTS = HERE / "requirements.txt"
SETTINGS = "benchmarks.peers.hordak.settings"


def python(folder: Path) -> Path:
    return folder.resolve() / "peer-hordak" / "bin" / "python"


def user_tokens(first: int, count: int) -> list[str]:
    """Return what its users show in the header Authorization."""
    return [f"Token {key_of(user)}" for user in range(first, first + count)]


def install(folder: Path) -> None:
    """Make the environment under the folder, once for each list of requirements."""
    environment, installed = folder / "peer-hordak", folder / "peer-hordak" / "requirements.txt"
    if installed.exists() and installed.read_bytes() == REQUIREMENTS.read_bytes():
        return
    print(f"Installing django-hordak into {environment} …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    subprocess.run(
        [str(python(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(REQUIREMENTS)],
        check=True,
    )
    shutil.copy(REQUIREMENTS, installed)


def prepare(folder: Path, database_url: str, *numbers: int) -> None:
    """Make hordak's tables with its own migrations, and what peers/hordak/prepare.py makes of these numbers."""
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": SETTINGS}
    subprocess.run(
        [str(python(folder)), "-m", "benchmarks.peers.hordak.prepare", *map(str, numbers)],
        cwd=HERE.parent.parent.parent,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
