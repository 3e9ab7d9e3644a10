"""docs/coming-from.md: every row of its tables is done here as the page says, by the calls that the page names.

How each is done stands in tests/support/coming_from_users.py and tests/support/coming_from_money.py.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

import pytest

from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.api_client import EQUIVALENTS, DemoTill, Equivalent
from tests.support.live import ROOT

pytestmark = pytest.mark.slow

for done in ("users", "money"):
    import_module(f"tests.support.coming_from_{done}")

PAGE = (ROOT / "docs" / "coming-from.md").read_text()
HEAD = "| there | here | what differs |"


class Row(NamedTuple):
    service: str
    there: str
    here: str


def rows() -> Iterator[Row]:
    for section in PAGE.split("\n## ")[1:]:
        service, _, text = section.partition("\n")
        for line in text.partition(HEAD)[2].strip().splitlines()[1:]:
            there, here, _ = (cell.strip() for cell in line.strip()[1:-1].split("|"))
            yield Row(service, there, here)


@pytest.fixture
def till(db: None) -> Iterator[DemoTill]:
    provider_cache.invalidate()
    opened = DemoTill()
    yield opened
    opened.client.close()
    provider_cache.invalidate()


def test_every_row_is_done_and_nothing_but_the_rows() -> None:
    written = [(row.service, row.there) for row in rows()]
    assert len(set(written)) == len(written)
    assert set(written) == set(EQUIVALENTS)


@pytest.mark.parametrize("equivalent", dict.fromkeys(EQUIVALENTS.values()), ids=lambda equivalent: equivalent.__name__)
def test_each_row_is_done_as_the_page_says(equivalent: Equivalent, till: DemoTill) -> None:
    """Many rows of different services are done by the same calls."""
    equivalent(till)
    for row in (row for row in rows() if EQUIVALENTS.get((row.service, row.there)) is equivalent):
        calls = re.findall(r"`([^`]+)`", row.here)
        assert calls, row
        for call in calls:
            is_command = call.startswith(("make ", "manage.py "))
            assert is_command or any(is_call(call, request) for request in till.requests), (row, call)


def is_call(call: str, request: str) -> bool:
    """`GET wallets/{id}` was asked for as `GET wallets/77`; a query counts only where the page names one."""
    pattern = re.sub(r"\\{\w+\\}", r"[^/?&]+", re.escape(call))
    return bool(re.fullmatch(pattern, request if "?" in call else request.partition("?")[0]))
