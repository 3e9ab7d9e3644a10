"""What the load generators print, and runs as the benchmarks keep them: made up, to test the reading and arithmetic."""

import json
from typing import Any

from benchmarks import load

WRK = """Running 2s test @ http://127.0.0.1:18400/payment/webhook
  1 threads and 64 connections
Requests/sec:  10000.00
{"requests": 20000, "microseconds": 2000000, "taken": 20065, "exhausted": 0, "refused": 0, "broken": 0, "timed_out": 0,\
 "p50_us": 6000, "p90_us": 8000, "p99_us": 15000, "max_us": 20000}
"""


def sent(**changes: int) -> load.Load:
    figures = json.loads(WRK.splitlines()[-1]) | changes
    return load.parse(json.dumps(figures))


def run(scenario: str, contestant: str, number: int, rate: float, **more: Any) -> dict[str, Any]:
    shares = {"server": 2e5 / rate, "postgres": 4e5 / rate, "client": 1.0}
    latencies = {"p50_us": 1000, "p90_us": 2000, "p99_us": 4000}
    return {
        "scenario": scenario,
        "contestant": contestant,
        "round": number,
        "per_second": rate,
        "cpu_us": shares,
        **latencies,
    } | more
