"""What the sources mark for translation: by gettext's functions, in templates, and as docstrings of refusals."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.contrib import admin
from django.utils.translation.template import templatize

from api.refusals import english_line
from config.model_texts import APPS, ModelText, fields_of
from config.problems import PROBLEMS
from config.problems.table import every_problem
from tests.support.source_files import PACKAGES, ROOT, is_test, named, tree_of

#: From a function's name to the positions of context, text and plural among its arguments.
FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "marked"), (None, 0, None)),
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
        for text in texts_of_python(tree_of(path), named(path)):
            places.setdefault(text, set()).add(named(path))
    for path in templates():
        for text in texts_of_template(path.read_text()):
            places.setdefault(text, set()).add(named(path))
    for line, name in (*texts_of_refusals(), *texts_of_models()):
        places.setdefault(Marked(line), set()).add(name)
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


def texts_of_refusals() -> Iterator[tuple[str, str]]:
    """Yield the titles and details of problems, and what classes of errors say of themselves, each with its file."""
    for problem in every_problem():
        yield from ((text, "config/problems/table.py") for text in (problem.title, problem.detail) if text)
    for kind in {*PROBLEMS, *_classes_that_are_shown()}:
        if kind.__module__.split(".")[0] in PACKAGES and (line := english_line(kind)):
            yield line, kind.__module__.replace(".", "/") + ".py"


def texts_of_models() -> Iterator[tuple[str, str]]:
    """Yield what models of ours say of themselves, each with its file."""
    for app in map(apps.get_app_config, APPS):
        yield str(app.verbose_name), f"{app.name}/apps.py"
        for model in filter(admin.site.is_registered, app.get_models()):
            fields = list(fields_of(model))
            texts = [model._meta.verbose_name, model._meta.verbose_name_plural]
            texts += [text for field in fields for text in (field.verbose_name, field.help_text)]
            texts += [label for field in fields for _, label in field.flatchoices]
            texts += [getattr(check, "message", "") for field in fields for check in field.validators]
            file = model.__module__.replace(".", "/")
            yield from ((text.english, f"{file}.py") for text in texts if isinstance(text, ModelText))


def _classes_that_are_shown() -> Iterator[type[BaseException]]:
    """Yield the classes whose line a page shows, by `line_of` or as a refusal. No two classes have one name."""
    classes = {kind.__name__: kind for kind in _subclasses(Exception)}
    for path in translated_sources():
        for node in ast.walk(tree_of(path)):
            for name_of_class in _shown_by(node):
                if (name := ast.unparse(name_of_class).rpartition(".")[2]) in classes:
                    yield classes[name]


def _shown_by(node: ast.AST) -> list[ast.AST]:
    """Return what names a class whose line is shown: an argument of `line_of`, or one of an action's `refusals`."""
    match node:
        case ast.Call(func=ast.Name(id="line_of"), args=[named_class, *_]):
            return [named_class]
        case ast.Assign(targets=[ast.Name(id="refusals")]) | ast.AnnAssign(target=ast.Name(id="refusals")):
            return [inside for inside in ast.walk(node) if isinstance(inside, ast.Name | ast.Attribute)]
    return []


def _subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for inside in kind.__subclasses__():
        if inside.__module__.split(".")[0] in PACKAGES:
            yield inside
        yield from _subclasses(inside)


def texts_of_python(tree: ast.AST, name: str) -> Iterator[Marked]:
    """Raises NotLiteral."""
    for node in ast.walk(tree):
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
        yield from texts_of_python(call, "a template")


def _balanced(text: str) -> str:
    """Return the call that the text begins with."""
    for end in (index + 1 for index, character in enumerate(text) if character == ")"):
        try:
            ast.parse(text[:end], mode="eval")
        except SyntaxError:
            continue
        return text[:end]
    raise NotLiteral(text[:80])
