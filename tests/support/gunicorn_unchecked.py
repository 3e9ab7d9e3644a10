"""How gunicorn serves Till, but for the system checks at the start."""

import runpy
from pathlib import Path

from config.server import upgrades

vars().update(runpy.run_path(str(Path("config", "gunicorn.conf.py"))))
on_starting = upgrades.allow_upgrades
