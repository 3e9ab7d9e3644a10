"""A sound production: its environment, its settings, and the commands of manage.py in it."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "TILL_SECRET_KEY": "one-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "TILL_JWT_KEY": "two-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "TILL_ENCRYPTION_KEYS": "three-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "DATABASE_URL": "postgres://till@127.0.0.1:1/till?connect_timeout=1",
    "TILL_ALLOWED_HOSTS": "till.example.com",
    "TILL_PUBLIC_URL": "https://till.example.com",
    "TILL_TRUSTED_PROXIES": "1",
    "TILL_SSL_REDIRECT": "1",
    "TILL_HSTS_SECONDS": "31536000",
    "TILL_EMAIL_URL": "smtp+tls://till:sesame@mail.example.com:587",
}


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in production, with a sound environment but for `changes`."""
    environment = {"PATH": os.environ["PATH"], "TILL_DB_POOL_SIZE": "0", **GOOD, **changes}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def read_settings(**changes: str) -> dict[str, Any]:
    """Return what config/settings.py makes of this environment but for `changes`: that needs no process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", GOOD | changes)
        return runpy.run_path(str(ROOT / "config" / "settings.py"))
