"""How far a search goes: as far as `make test` has time for, and much further in `make torture`."""

import pytest


def breadth(few: int, many: int) -> pytest.MarkDecorator:
    """Give the test its `number`: `few`, and once more, in `make torture`, `many`."""
    return pytest.mark.parametrize("number", [few, pytest.param(many, marks=pytest.mark.torture)])
