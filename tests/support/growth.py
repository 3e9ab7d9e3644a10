"""Whether work grows with its input as fast as the input, or faster."""

import time
from collections.abc import Callable
from typing import Any

#: Four times the input: linear work takes 4 times as long, quadratic work 16 times. Noise stays well below.
FACTOR = 4
GENEROUS = 9.0
#: Seconds that are lost in the noise.
NOISE = 0.005


def assert_linear(work: Callable[[Any], object], make: Callable[[int], Any], size: int) -> None:
    """Time `work` on `make(size / 4)` and on `make(size)`, in CPU seconds of this thread, the best of three."""
    small, large = (_best(work, make(size // FACTOR)), _best(work, make(size)))
    assert large <= GENEROUS * small + NOISE, f"{small:.4f} s became {large:.4f} s with {FACTOR} times the input"


def _best(work: Callable[[Any], object], given: Any) -> float:
    return min(_seconds(work, given) for _ in range(3))


def _seconds(work: Callable[[Any], object], given: Any) -> float:
    started = time.thread_time()
    work(given)
    return time.thread_time() - started
