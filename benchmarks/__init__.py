"""Measurements, never tests: `make bench`, or `python -m benchmarks --help`. What they say: benchmarks/README.md."""
