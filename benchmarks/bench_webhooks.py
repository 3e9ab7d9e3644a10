"""`make bench` starts this file; the program is the package beside it."""

import runpy
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

if __name__ == "__main__":
    runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
