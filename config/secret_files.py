"""Secrets that development mode generates once and keeps under TILL_DATA."""

import os
import secrets
from pathlib import Path

from config.environment import BadVariable


def development_secret(name: str, debug: bool, data: Path) -> str:
    """Return the secret in `data/secrets/name`, made on first use. Empty outside of development mode."""
    if not debug:
        return ""
    try:
        return _read_or_create(data / "secrets", name)
    except OSError as error:
        raise BadVariable("TILL_DATA", f"a folder that can be written to; {data}: {error.strerror}") from None


def _read_or_create(folder: Path, name: str) -> str:
    """Safe when several processes start at once: the file appears whole by link(2) and the first one wins."""
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
