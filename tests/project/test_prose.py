"""The pages are plain to read: no line is over 120 columns, and no sentence is over 25 words.

The sentences of docstrings and comments are held to the same length. A page is held to both when `PAGES` names it. To
add pages, add their names there. A glob such as `docs/*.md` is one.
Tables and code blocks are left out. A piece of inline code counts as one word, and so does a list of such pieces.
The target of a link and a bare address count neither as columns nor as words.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

pytestmark = pytest.mark.text

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "config/openapi/introduction.md",
    "clients/python/README.md",
    "docs/architecture.md",
    "docs/coming-from.md",
    "docs/events.md",
    "docs/glossary.md",
    "docs/guards.md",
    "docs/ledger.md",
    "docs/operations.md",
    "docs/security.md",
    "docs/webhooks.md",
    "docs/decisions/*.md",
    "docs/ru/*.md",
)

MAX_COLUMNS = 120
MAX_WORDS = 25

CODE_BLOCK = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
TABLE_ROW = re.compile(r"^ *\|.*$", re.MULTILINE)
LINK_TARGET = re.compile(r"(?<=\])\([^)\s]+\)")
ADDRESS = re.compile(r"https?://[^\s)>]+")
INLINE_CODE = re.compile(r"`[^`]+`")
LIST_OF_CODE = re.compile(r"CODE(?:(?:,? and|,? or|,| /) CODE)+")
HEADING = re.compile(r"^ *#+ .*$", re.MULTILINE)
#: Where a new block begins: after an empty line, and at an item of a list or a quotation.
BLOCK_START = re.compile(r"\n *\n|\n(?= *(?:[*+-]|\d+\.|>) )")
#: A full stop ends a sentence whatever follows it: the pages use no abbreviations that end in one.
SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'*_]*\s+")


def pages() -> list[Path]:
    return sorted({page for name in PAGES for page in ROOT.glob(name)})


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def long_lines(text: str) -> list[str]:
    prose = TABLE_ROW.sub("", CODE_BLOCK.sub("", text))
    return [line for line in prose.splitlines() if len(ADDRESS.sub("", LINK_TARGET.sub("", line))) > MAX_COLUMNS]


def long_sentences(text: str) -> list[str]:
    return [sentence for sentence in sentences(text) if count_words(sentence) > MAX_WORDS]


def sentences(text: str) -> Iterator[str]:
    prose = TABLE_ROW.sub("", CODE_BLOCK.sub("", text))
    prose = ADDRESS.sub("", LINK_TARGET.sub("", INLINE_CODE.sub("CODE", prose)))
    prose = HEADING.sub(r"\n\g<0>\n", prose)
    for block in BLOCK_START.split(prose):
        for sentence in SENTENCE_END.split(" ".join(block.split())):
            yield LIST_OF_CODE.sub("CODE", sentence)


def count_words(sentence: str) -> int:
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_page_has_no_line_over_120_columns(page: Path) -> None:
    assert long_lines(page.read_text()) == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_page_has_no_sentence_over_25_words(page: Path) -> None:
    assert long_sentences(page.read_text()) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_name_of_pages_finds_one(name: str) -> None:
    assert list(ROOT.glob(name))


# --- docstrings and comments --------------------------------------------------------------------------------

PACKAGES = ("accounts", "api", "benchmarks", "catalog", "clients", "config", "legacy", "payments", "postgres", "staff")
#: What speaks to a tool, and a heading.
NO_PROSE = re.compile(r"#\s*(noqa|type:|fmt:|ruff:|pragma:|---|!)")


def modules() -> list[Path]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(
        path for path in paths if not {"tests", "migrations"} & set(path.parts) and path.name != "conftest.py"
    )


def code_prose(code: str) -> Iterator[str]:
    """Yield each docstring, and each block of comments."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT and not NO_PROSE.match(token.string)]
    yield from (token.string for token in comments if not stands_alone(token))
    lines = ((token.start[0] - number, token.string) for number, token in enumerate(filter(stands_alone, comments)))
    for _, block in groupby(lines, key=lambda line: line[0]):
        yield "\n".join(comment.lstrip("#: ") for _, comment in block)


def stands_alone(token: tokenize.TokenInfo) -> bool:
    return token.line.lstrip().startswith("#")


@pytest.mark.parametrize("module", modules(), ids=named)
def test_no_docstring_or_comment_has_a_sentence_over_25_words(module: Path) -> None:
    assert [sentence for prose in code_prose(module.read_text()) for sentence in long_sentences(prose)] == []


def test_docstrings_and_blocks_of_comments_are_read_as_prose() -> None:
    code = '"""One."""\n# Two\n# goes on.\nx = 1  # three\n\ny = 2  # noqa: E501\n\n\ndef f():\n    """Four."""\n'
    assert [prose for prose in code_prose(code) if prose] == ["One.", "Four.", "# three", "Two\ngoes on."]


# --- the splitter itself ------------------------------------------------------------------------------------

TWENTY_FIVE = "word " * 24 + "word."


@pytest.mark.parametrize(
    ("text", "long"),
    [
        (TWENTY_FIVE, 0),
        ("One more " + TWENTY_FIVE, 1),
        (TWENTY_FIVE + " " + TWENTY_FIVE, 0),
        (TWENTY_FIVE + "\n" + TWENTY_FIVE, 0),
        ("(" + TWENTY_FIVE[:-1] + ".) " + TWENTY_FIVE, 0),
        ("**" + TWENTY_FIVE + "** " + TWENTY_FIVE, 0),
        ("# A heading without a stop\n" + TWENTY_FIVE, 0),
        ("* an item without a stop\n* " + TWENTY_FIVE, 0),
        ("An introduction:\n1. " + TWENTY_FIVE, 0),
        ("one\n" * 26, 1),
        ("word, " * 13 + "and yet: " + "word; " * 12 + "word.", 1),
        ("| " + "word " * 40 + "|", 0),
        ("```sh\n" + "word " * 40 + "\n```", 0),
        ("`" + "word " * 40 + "`", 0),
        ("`a`, " * 40 + "and `b`", 0),
        ("[word](https://example.com/a-b) " * 25, 0),
        ("[two words](page.md) " * 13, 1),
        ("word — " * 25, 0),
    ],
)
def test_the_splitter_counts_words_of_prose(text: str, long: int) -> None:
    assert len(long_sentences(text)) == long


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("a" * 120, 0),
        ("a" * 121, 1),
        ("| " + "a" * 200 + " |", 0),
        ("```\n" + "a" * 200 + "\n```", 0),
        ("[word](" + "a" * 200 + ")", 0),
        ("https://example.com/" + "a" * 200, 0),
        ("`" + "a" * 200 + "`", 1),
    ],
)
def test_columns_are_counted_without_tables_code_blocks_and_addresses(text: str, long: int) -> None:
    assert len(long_lines(text)) == long
