"""Words that the project gave up stay away: docs/glossary.md has the words that replaced them.

A word that is plain English too is only refused as a name in Python code. To give a word up, add a row to WORDS.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.text

ROOT = Path(__file__).resolve().parents[2]
#: Where the past is told as it was, and this list itself.
HISTORY = ("CHANGELOG.md", "docs/decisions/*", "*/migrations/*", "tests/project/test_words.py")
#: Written by programs.
GENERATED = ("requirements*.txt", "benchmarks/peers/*/requirements.txt", "benchmarks/results/*")
TESTS = ("tests/*", "*/tests/*", "*conftest.py")


class Word(NamedTuple):
    """A word that was given up. Each pattern is looked for where its member says."""

    instead: str
    #: In every line of every file.
    text: str = ""
    #: What is defined in Python: variables, parameters, attributes, functions and classes, without leading underscores.
    names: str = ""
    #: Python's own modules, by the file's name without its ending.
    modules: str = ""
    #: The files that are looked at, and those of them that may use it all the same.
    only: tuple[str, ...] = ("*",)
    allowed: tuple[str, ...] = ()

    def holds_in(self, path: str) -> bool:
        return is_one_of(path, self.only) and not is_one_of(path, self.allowed)


WORDS = {
    # --- staff ---
    "deed": Word(
        "confirmed action",
        text=r"\b[Dd]eeds?\b|\bdeed_|_deeds?\b",
        names="consequence",
        #: It refuses the word in what clients read.
        allowed=("tests/http/test_problems.py",),
    ),
    # --- pipelines ---
    "trip": Word("pipeline; a round trip stays one", names=r"trips?|Trips?|travel|hang_up|ahead", modules="trips?"),
    "wire": Word("pipeline connection", names="Wire|Listing|has_lost_its_plans"),
    "steps and go": Word("PipelineSteps, execute and run", names="Steps|go"),
    # --- booking ---
    "books": Word("locked wallets", names="Books|OutdatedBooks"),
    "movement": Word("new transaction, new posting", names="Movement|Line"),
    "verdict": Word(
        "booking result; settlement; status of an event",
        names="Verdict|VERDICT|verdicts?",
        #: The column of events, which the API shows; and the figures of a benchmark, in its results.
        allowed=(
            "payments/webhooks/models/events.py",
            "payments/webhooks/queries/filters.py",
            "benchmarks/figures.py",
            "clients/python/src/till_client/records/events.py",
            "clients/python/src/till_client/resources/events.py",
        ),
    ),
    "contended": Word("serialization conflict, locked by others", text=r"\bContended\b|held_elsewhere"),
    # --- webhooks ---
    "alone": Word("single credit", text=r"\bnotices? alone\b", names="alone"),
    "lane": Word("webhook endpoint, fast path, slow path", text=r"(?i)\b(the_)?lanes?\b|\blean (lane|path)"),
    "short way": Word("fast path, slow path, valid", text=r"(?i)\b(short|ordinary) way\b|\bplainly good\b"),
    "head": Word("request head", names="Head|recall|stay|PIECE", modules="heads"),
    "committer": Word("group committer", names="Committer"),
    "registry": Word("provider cache", names="look_again", modules="registry"),
    "reception": Word("authentication", text=r"\breception\b", modules="reception"),
    "inbox": Word(
        "webhook events, event store",
        text=r"(?i)inbox",
        modules="inbox",
        #: An inbox of mail is one.
        allowed=(
            "accounts/services/mail_limits.py",
            "config/locale/ru/LC_MESSAGES/django.po",
            "accounts/services/outgoing_mail.py",
            "accounts/tests/test_outgoing_mail.py",
            "accounts/tests/test_password_reset.py",
            "config/settings.py",
            "docs/operations.md",
            "payments/users/admin/users.py",
            ".env.example",
            "docker-compose.yml",
        ),
    ),
    # --- serving ---
    "serving": Word("worker", names="make_ready", modules="serving"),
    "doors": Word("handlers", names="doors", modules="doors"),
    "welcome": Word("startup message", names="welcome", modules="welcome"),
    # --- users ---
    "people": Word(
        "users",
        text=r"--- people\b|\bdemo's people\b|IsPerson|IsSettler",
        names="people|persons?|PEOPLE|Person|People",
        modules="people",
    ),
    "people in benchmarks": Word("users", text=r"(?i)\bpeople\b|\bperson\d*@", only=("benchmarks/*",)),
    # --- names that say nothing of the thing ---
    "wish, made, asked": Word(
        "the noun of the thing; `data` for validated input",
        names="wish|wishes|wished|made|asked|shown|told|kept|found|said",
        #: `expected` and `found` are the members of a difference that check_ledger prints.
        allowed=("payments/audit/report.py",),
    ),
    "most": Word("MAX_, MIN_", names="(MOST|LONGEST|GREATEST|LARGEST|HIGHEST|OLDEST|SHORTEST|LEAST)_.*"),
    "verbs as modules": Word(
        "the noun of what is in it",
        modules="making|settling|quoting|exchanging|loading|sheets|scopes|days|moments|sending",
    ),
    # --- the project ---
    "house rules": Word(
        "code rules; the house is who operates Till", text=r"(?i)\brules? of the house\b|\bhouse rules?\b"
    ),
}


class Place(NamedTuple):
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.what}"


@cache
def tracked() -> dict[str, str]:
    """Every tracked file that is text, with what is in it."""
    paths = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    texts: dict[str, str] = {}
    for path in paths.decode().rstrip("\0").split("\0"):
        if not is_one_of(path, (*HISTORY, *GENERATED)) and (ROOT / path).is_file():
            try:
                texts[path] = (ROOT / path).read_text()
            except UnicodeDecodeError:
                continue
    return texts


def is_one_of(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def uses(word: Word, path: str, text: str) -> Iterator[Place]:
    """Where a file uses a word that was given up."""
    if word.text:
        pattern = re.compile(word.text)
        yield from (
            Place(path, number, line.strip())
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        )
    if path.endswith(".py"):
        if re.fullmatch(word.modules or "(?!)", Path(path).stem):
            yield Place(path, 1, "the module's name")
        if word.names:
            pattern = re.compile(word.names)
            yield from (Place(path, line, name) for line, name in defined(path, text) if pattern.fullmatch(name))


@cache
def defined(path: str, text: str) -> list[tuple[int, str]]:
    """The names that a module gives, with their lines, without leading underscores."""
    return [(line, name.lstrip("_")) for line, name in sorted(set(names_of(ast.parse(text, path))))]


def names_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_was_given_up_stays_away(word: str) -> None:
    places = [
        str(place)
        for path, text in tracked().items()
        if WORDS[word].holds_in(path)
        for place in uses(WORDS[word], path, text)
    ]
    assert places == [], f"say {WORDS[word].instead} instead"


# --- pairs of names -----------------------------------------------------------------------------------------


def stems(name: str) -> set[str]:
    """What a name would be without its -ing: `locking` is `lock`, `queueing` is `queue`, `putting` is `put`."""
    if not name.endswith("ing"):
        return set()
    stem = name.removesuffix("ing")
    return {stem, f"{stem}e", *([stem[:-1]] if stem[-2:-1] == stem[-1:] else [])}


def test_no_function_differs_from_another_by_its_ending_alone() -> None:
    """`lock` and `locking` do not say which of them waits."""
    pairs = []
    for path, text in tracked().items():
        if path.endswith(".py") and not is_one_of(path, TESTS):
            functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
            pairs += [f"{path} {name}" for name in sorted(functions) if stems(name) & functions]
    assert pairs == []


def test_every_confirmed_action_is_called_one() -> None:
    others = []
    for path, text in tracked().items():
        if path.endswith(".py") and not is_one_of(path, TESTS):
            for node in ast.walk(ast.parse(text)):
                bases = {ast.unparse(base) for base in node.bases} if isinstance(node, ast.ClassDef) else set()
                if isinstance(node, ast.ClassDef) and any(base.endswith("Action") for base in bases):
                    others += [] if node.name.endswith("Action") else [f"{path}:{node.lineno} {node.name}"]
    assert others == []


# --- the rules themselves -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "path", "text", "line"),
    [
        ("deed", "staff/a.py", "x = 1\nclass Deed: ...\n", 2),
        ("deed", "docs/a.md", "Every deed is noted.\n", 1),
        ("lane", "docs/a.md", "It takes\nthe fast lane.\n", 2),
        ("alone", "config/a.py", '"""A notice alone."""\n', 1),
        ("inbox", "payments/webhooks/a.py", "# read from the inbox\n", 1),
        ("people", "config/settings.py", "# --- people ---\n", 1),
        ("people in benchmarks", "benchmarks/sql/a.sql", "SELECT :people\n", 1),
        ("wish, made, asked", "payments/a.py", "def f(wish): ...\n", 1),
        ("wish, made, asked", "payments/a.py", "for _found in rows: ...\n", 1),
        ("wish, made, asked", "payments/a.py", "self.kept = 1\n", 1),
        ("wish, made, asked", "payments/a.py", "import x as told\n", 1),
        ("most", "config/a.py", "MOST_ROWS = 1\n", 1),
        ("verbs as modules", "payments/orders/services/settling.py", "", 1),
        ("house rules", "tests/a.py", "# a rule of the house\n", 1),
    ],
)
def test_a_use_is_found_with_its_place(word: str, path: str, text: str, line: int) -> None:
    assert [(place.path, place.line) for place in uses(WORDS[word], path, text)] == [(path, line)]
    assert WORDS[word].holds_in(path)


@pytest.mark.parametrize(
    ("word", "path", "text"),
    [
        ("trip", "docs/a.md", "One round trip.\n"),
        ("wish, made, asked", "docs/a.md", "It was found, kept and told.\n"),
        ("wish, made, asked", "payments/a.py", "# as it was made\nnot_found = 1\n"),
        ("people", "docs/a.md", "People open CSV files in spreadsheets.\n"),
        ("people in benchmarks", "docs/a.md", "People open CSV files in spreadsheets.\n"),
        ("inbox", "accounts/services/mail_limits.py", "inbox = 1\n"),
        ("head", "config/a.py", "head = read()\n"),
        ("house rules", "docs/a.md", "The wallets of the house.\n"),
    ],
)
def test_what_is_plain_english_is_let_through(word: str, path: str, text: str) -> None:
    assert not WORDS[word].holds_in(path) or not list(uses(WORDS[word], path, text))


@pytest.mark.parametrize(
    ("name", "stem"), [("locking", "lock"), ("exchanging", "exchange"), ("putting", "put"), ("string", "str")]
)
def test_an_ending_is_taken_off(name: str, stem: str) -> None:
    assert stem in stems(name)
