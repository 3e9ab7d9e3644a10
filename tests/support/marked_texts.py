"""What the sources mark for translation: by gettext's functions, in templates, and as docstrings of refusals."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

from config.problems import PROBLEMS
from tests.support.source_files import PACKAGES, ROOT, is_test, named

#: From a function's name to the positions of context, text and plural among its arguments.
FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    **{f"gettext{lazy}": (None, 0, None) for lazy in ("", "_lazy", "_noop")},
    **{f"ngettext{lazy}": (None, 0, 1) for lazy in ("", "_lazy")},
    **{f"pgettext{lazy}": (0, 1, None) for lazy in ("", "_lazy")},
    **{f"npgettext{lazy}": (0, 1, 2) for lazy in ("", "_lazy")},
}
#: What Django's templatize writes for each text of a template.
_CALL = re.compile(r"\b(_|n?p?gettext)\((?=u?['\"])")


@dataclass(frozen=True, order=True)
class Marked:
    text: str
    plural: str = ""
    context: str = ""


class NotLiteral(Exception):
    """Only a literal can be looked up in a catalog."""


def marked_texts() -> dict[Marked, list[str]]:
    """Return each text with the files that it is in."""
    places: dict[Marked, set[str]] = {}
    for path in translated_sources():
        for text in texts_of_python(path.read_text(), named(path)):
            places.setdefault(text, set()).add(named(path))
    for path in templates():
        for text in texts_of_template(path.read_text()):
            places.setdefault(text, set()).add(named(path))
    for kind in PROBLEMS:
        if kind.__module__.split(".")[0] in PACKAGES and (line := first_line(kind)):
            places.setdefault(Marked(line), set()).add(kind.__module__.replace(".", "/") + ".py")
    return {text: sorted(places[text]) for text in sorted(places)}


def translated_sources() -> Iterator[Path]:
    for package in PACKAGES:
        if package not in ("tests", "benchmarks"):
            for path in sorted((ROOT / package).rglob("*.py")):
                if not is_test(path) and "migrations" not in path.parts:
                    yield path


def templates() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted(path for path in (ROOT / package).rglob("templates/**/*.*") if not is_test(path))


def first_line(kind: type[BaseException]) -> str:
    return (vars(kind).get("__doc__") or "").partition("\n")[0]


def texts_of_python(source: str, name: str) -> Iterator[Marked]:
    """Raises NotLiteral."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (function := _function(node.func)) in FUNCTIONS:
            context, text, plural = FUNCTIONS[function]
            yield Marked(
                *(
                    _literal(node.args, position, f"{name}:{node.lineno}") if position is not None else ""
                    for position in (text, plural, context)
                )
            )


def _function(called: ast.expr) -> str:
    if isinstance(called, ast.Name):
        return called.id
    return called.attr if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "translation" else ""


def _literal(arguments: list[ast.expr], position: int, place: str) -> str:
    argument = arguments[position] if position < len(arguments) else None
    if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
        raise NotLiteral(f"{place}: what is translated must be a literal")
    return argument.value


def texts_of_template(source: str) -> Iterator[Marked]:
    written = templatize(source)
    for match in _CALL.finditer(written):
        call = ast.parse(_balanced(written[match.start() :]), mode="eval")
        yield from texts_of_python(ast.unparse(call), "a template")


def _balanced(text: str) -> str:
    """Return the call that the text begins with."""
    for end in (index + 1 for index, character in enumerate(text) if character == ")"):
        try:
            ast.parse(text[:end], mode="eval")
        except SyntaxError:
            continue
        return text[:end]
    raise NotLiteral(text[:80])
