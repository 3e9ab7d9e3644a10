"""docs/security.md answers for every item of the standard's level 2 once, and names what exists."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.text

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = re.findall(r"^\| (V[^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)

#: How many items of levels 1 and 2 each section has. They come first in it, but for those of level 3 named below.
SECTIONS = {
    "V1": (2, 9, 11, 3, 2), "V2": (3, 3, 4, 1), "V3": (0, 2, 4, 6, 5, 0, 2), "V4": (3, 1, 2, 4), "V5": (1, 3, 2, 3),
    "V6": (3, 12, 4, 4, 5, 3, 0, 4), "V7": (3, 4, 2, 5, 2, 2), "V8": (2, 3, 1, 1), "V9": (3, 4),
    "V10": (2, 2, 4, 11, 5, 2, 3), "V11": (2, 3, 3, 4, 1, 1), "V12": (3, 2, 4), "V13": (1, 5, 2, 5), "V14": (2, 4, 3),
    "V15": (3, 3, 7), "V16": (1, 5, 4, 3, 3), "V17": (1, 4, 2),
}  # fmt: skip


def items(cell: str) -> Iterator[str]:
    """Read `V1.2.1, V1.2.3 to V1.2.5`."""
    for part in cell.split(", "):
        first, _, last = part.partition(" to ")
        section, _, number = first.rpartition(".")
        upto = int(last.rpartition(".")[2]) if last else int(number)
        assert not last or last.startswith(f"{section}.")
        yield from (f"{section}.{each}" for each in range(int(number), upto + 1))


def test_every_item_is_answered_once() -> None:
    wanted = [
        f"{chapter}.{section}.{number}"
        for chapter, counts in SECTIONS.items()
        for section, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    ]
    answered = Counter(item for cell, _, _ in ROWS for item in items(cell))
    assert answered == Counter(wanted)


def test_every_test_that_is_named_exists() -> None:
    named = {name for _, _, tests in ROWS for name in re.findall(r"`([^`]+)`", tests)}
    assert len(named) > 30
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_a_row_without_a_test_says_whose_it_is() -> None:
    """What Till itself does has a test; the rest is none of its own, somebody else's, or not there yet."""
    own = [item for item, how, tests in ROWS if "`" not in tests and not re.match(EXCUSED, how)]
    assert own == []


EXCUSED = r"none|not yet|the (operator|proxy|client)'s|Python|\[SECURITY|passwords do not expire|any number|no address"
