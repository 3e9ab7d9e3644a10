"""What staff read goes through gettext: the modules of the staff site have no text that is not marked.

A text is a string of several words, one that begins like a sentence, and any word that a page shows by its place: as a
title, a label, a description. The history and the log stay English: all staff read them, whatever their language.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.support.source_files import is_test, named, sources, tree_of

pytestmark = pytest.mark.text

STAFF_MODULE = re.compile(r"staff/|(accounts|catalog|config|payments)/(\w+/)?admin(_\w+)?(\.py$|/)")
MARKS = {f"{kind}gettext{lazy}" for kind in ("", "n", "p", "np") for lazy in ("", "_lazy", "_noop")} | {"_"}
#: Names of types, notes in the history, and lines of the log.
UNSEEN = re.compile(r"cast|record|record_list|logger\.\w+|structlog\.\w+")
UNSEEN_FUNCTIONS = {"construct_change_message"}
NAMES = {"Till"}
NAMES_MODELS = {"config/admin_site/menus.py"}
#: Where a single word is a text too.
SHOWN = {
    *("title", "button", "explanation", "description", "short_description", "verbose_name", "label", "help_text"),
    *("search_help_text", "empty_state"),
}
NO_WORDS = re.compile(r"<[^>]*>|%\(\w+\)s|%[A-Za-z]|\{\w*\}")
SEVERAL_WORDS = re.compile(r"[A-Za-z][,.:;?!]? +[(“]?[A-Za-z]")
SENTENCE = re.compile(r"[A-Z][a-z]+\b(?! *=)")
WORD = re.compile(r"[A-Za-z]{2}")


class TextFinder(ast.NodeVisitor):
    """Collects the texts that nothing marks, each with its line."""

    def __init__(self) -> None:
        self.texts: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in UNSEEN_FUNCTIONS:
            defaults = (default for default in node.args.kw_defaults if default)
            for each in (*node.decorator_list, *node.args.defaults, *defaults, *node.body):
                self.visit(each)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if name not in MARKS and not UNSEEN.fullmatch(name):
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)  # and not the types within brackets

    def visit_keyword(self, node: ast.keyword) -> None:
        self.visit_value(node.value, is_shown=node.arg in SHOWN)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit_value(node.value, is_shown=any(ast.unparse(each) in SHOWN for each in node.targets))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit_value(node.value, is_shown=ast.unparse(node.target) in SHOWN)

    def visit_Constant(self, node: ast.Constant) -> None:
        self.visit_value(node, is_shown=False)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        literals = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        self.take(node, "".join(map(str, literals)), is_shown=False)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_value(self, node: ast.expr, *, is_shown: bool) -> None:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                self.take(node, node.value, is_shown=is_shown)
        else:
            self.visit(node)

    def take(self, node: ast.expr, text: str, *, is_shown: bool) -> None:
        words = NO_WORDS.sub("", text)
        if text in NAMES:
            return
        if SEVERAL_WORDS.search(words) or SENTENCE.fullmatch(words.strip(".: ")) or (is_shown and WORD.search(words)):
            self.texts.append((node.lineno, ast.unparse(node)))


def unmarked(tree: ast.AST) -> list[tuple[int, str]]:
    finder = TextFinder()
    finder.visit(tree)
    return finder.texts


def staff_modules() -> list[Path]:
    modules = (path for path in sources() if STAFF_MODULE.match(named(path)) and not is_test(path))
    return [path for path in modules if named(path) not in NAMES_MODELS]


@pytest.mark.parametrize("module", staff_modules(), ids=named)
def test_a_module_of_the_staff_site_marks_its_texts(module: Path) -> None:
    assert unmarked(tree_of(module)) == []


def test_every_admin_module_is_one_of_the_staff_site() -> None:
    names = {named(path) for path in staff_modules()}
    assert {
        "accounts/admin.py",
        "payments/orders/admin/orders.py",
        "config/admin_site/site.py",
        "staff/read_only.py",
    } <= names


@pytest.mark.parametrize(
    "code",
    [
        'title = "Refund"',
        'title: ClassVar[str] = "refund"',
        'forms.CharField(label="reason")',
        '@admin.display(description="wallet")\ndef wallet(self, row: "Row") -> str: ...',
        'def lookups(self):\n    return [("yes", "Yes")]',
        'def f():\n    return f"credited to wallet {pk}."',
        'def f(x="no wallet"): ...',
        'self.message_user(request, "Nothing was chosen.")',
        'raise ValueError("Say why.")',
        'format_html("<b>all of it</b>")',
        'fieldsets = (("Rights", {"fields": ("role",)}),)',
        'x = f"{outcome} (of {count} more)"',
        'x = a if b else "switched off."',
    ],
)
def test_a_text_that_nothing_marks_is_reported(code: str) -> None:
    assert unmarked(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        '"""Staff\'s pages of wallets."""',
        'title = _("Refund")',
        'def f():\n    return gettext("credited to wallet %(id)s.") % {"id": pk}',
        'ngettext("one more", "%(count)s more", count)',
        'def f(row: "A Row") -> "A Row": ...',
        'fields = ("id", "created_at", "owner__email")',
        'site_header = "Till"',
        'Fact = tuple["Text", str]',
        'x = f"{amount} {code}"',
        'x = f"{moment:%Y-%m-%d %H:%M}"',
        "x = '<a href=\"{}?q={}\">{}</a>'",
        'logger.info("somebody looked at it")',
        'record(about=user, staff=staff, text=f"Enabled. Reason: {reason}")',
        'cast("User", request.user)',
        'def construct_change_message(self):\n    return "Changed what was there."',
    ],
)
def test_what_staff_do_not_read_is_left_alone(code: str) -> None:
    assert not unmarked(ast.parse(code))
