"""Template filters of lists: what a cell needs to stand alone on a phone, and which columns hold numbers."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()

#: What cells of numbers hold: text that is shown, and fields in which it is typed.
_HOLD_NUMBERS = ('class="till-number', 'class="till-amount', 'class="till-stock')


NUMBERS = "till-numbers"


@register.filter
def aligned(headers: list[dict[str, Any]], rows: list[list[str]]) -> list[dict[str, Any]]:
    """Mark the headers above numbers, which stand at the right as the numbers do."""
    for place, header in enumerate(headers):
        if any(mark in row[place] for row in rows for mark in _HOLD_NUMBERS):
            marked = str(header["class_attrib"]).replace('class="', f'class="{NUMBERS} ', 1)
            header["class_attrib"] = mark_safe(marked)  # noqa: S308  Django's own attribute
    return headers


@register.filter
def labelled(row: list[SafeString], headers: list[dict[str, Any]]) -> Iterator[SafeString]:
    """Yield a row's cells, each with its header: on a narrow page the cells stand below each other.

    A cell in a column of numbers is marked as its header is, even if it holds a dash.
    """
    for cell, header in zip_longest(row, headers):
        tag, opened, rest = cell.partition(' class="')
        if header and opened and "action-checkbox" not in header["class_attrib"]:
            label = format_html(' data-label="{}"', capfirst(header["text"]))
            mark = f"{NUMBERS} " if NUMBERS in header["class_attrib"] else ""
            yield mark_safe(f"{tag}{label}{opened}{mark}{rest}")  # noqa: S308  Django's own cell
        else:
            yield cell
