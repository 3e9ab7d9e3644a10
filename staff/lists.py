"""Lists of the staff site know which filters narrow them, so that they are seen while the filters are folded."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.admin.views.main import ChangeList
from django.http import QueryDict


class ActiveFilter(NamedTuple):
    title: str
    choice: str


class StaffList(ChangeList):
    def active_filters(self) -> Iterator[ActiveFilter]:
        for spec in self.filter_specs:
            for choice in spec.choices(self):
                if choice["selected"] and _narrows(spec, choice):
                    yield ActiveFilter(str(spec.title), str(choice["display"]))


def _narrows(spec: Any, choice: Any) -> bool:
    """Tell whether the choice sets one of the filter's parameters: "All" sets none."""
    query = QueryDict(choice["query_string"].removeprefix("?"))
    return any(name in query for name in spec.expected_parameters())
