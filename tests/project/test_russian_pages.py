"""The Russian pages say what the English ones say: a change of an English section without the Russian one fails here.

Sections are compared in order: level of the heading, kinds of blocks, code blocks byte for byte. Within a block the
inline code, the links, the numbers and the bold texts are the same, in any order. So settings, paths and commands are.

Under each Russian heading a comment has the fingerprint of the English section that it translates. Whoever changes the
English text changes the Russian one, and then writes the fingerprint that this test prints.
"""

import hashlib
import re
from collections import Counter
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.text

ROOT = Path(__file__).resolve().parents[2]
PAIRS = {"README.md": "docs/ru/README.md", "docs/webhooks.md": "docs/ru/webhooks.md"}
#: Where links of Russian pages may lead instead: the words have one more page.
RUSSIAN_OF = {**PAIRS, "docs/glossary.md": "docs/ru/glossary.md"}
ENGLISH_OF = {russian: english for english, russian in RUSSIAN_OF.items()}

HEADING = re.compile(r"^(#+) (.+)$")
FINGERPRINT = re.compile(r"^<!-- ([0-9a-f]{12}) -->$")
ITEM = re.compile(r"^ *(?:[*-]|\d+\.) ")
INLINE_CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
BOLD = re.compile(r"\*\*[^*]+\*\*")


class Section(NamedTuple):
    """A heading with what follows it, up to the next heading."""

    level: int
    title: str
    fingerprint: str
    blocks: tuple[str, ...]


class Shape(NamedTuple):
    """What a block must have in both languages."""

    kind: str
    cells: int
    code: Counter[str]
    links: Counter[str]
    numbers: Counter[str]
    bold: int


def sections(text: str) -> list[Section]:
    headings: list[tuple[int, str, list[str]]] = []
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        if (heading := HEADING.match(line)) and not in_code:
            headings.append((len(heading[1]), heading[2], []))
        else:
            headings[-1][2].append(line)
    return [section(level, title, lines) for level, title, lines in headings]


def section(level: int, title: str, lines: list[str]) -> Section:
    marks = [match[1] for line in lines if (match := FINGERPRINT.match(line))]
    prose = [line for line in lines if not FINGERPRINT.match(line)]
    return Section(level, title, marks[0] if marks else "", tuple(blocks(prose)))


def blocks(lines: list[str]) -> list[str]:
    """Split into code blocks, rows of tables, items of lists and paragraphs."""
    parts: list[list[str]] = [[]]
    in_code = False
    for line in lines:
        fence = line.startswith("```")
        if not in_code and (fence or not line.strip() or line.startswith("|") or ITEM.match(line)):
            parts.append([])
        in_code ^= fence
        if in_code or line.strip():
            parts[-1].append(line)
    return ["\n".join(block) for block in parts if block]


def shape(block: str, page: str) -> Shape:
    if block.startswith("```"):
        return Shape(block, 0, Counter(), Counter(), Counter(), 0)
    prose = LINK.sub("]", INLINE_CODE.sub("", block))
    row = block.startswith("|")
    return Shape(
        kind="row" if row else "item" if ITEM.match(block) else "paragraph",
        cells=INLINE_CODE.sub("", block).count("|") if row else 0,
        code=Counter(" ".join(code.split()) for code in INLINE_CODE.findall(block)),
        links=Counter(target(link, page) for link in LINK.findall(block)),
        numbers=Counter(NUMBER.findall(prose)),
        bold=len(BOLD.findall(prose)),
    )


def target(link: str, page: str) -> str:
    """What a link leads to: the English page's path, and the number of the heading there."""
    if re.match(r"[a-z]+:", link):
        return link
    name, _, anchor = link.partition("#")
    path = str((ROOT / page).parent.joinpath(name).resolve().relative_to(ROOT)) if name else page
    number = f"#{titles(path).index(anchor)}" if anchor else ""
    return ENGLISH_OF.get(path, path) + number


def titles(path: str) -> list[str]:
    """The names of a page's headings, as GitHub makes them."""
    return [re.sub(r"[^\w\- ]", "", each.title.lower()).replace(" ", "-") for each in read(path)]


def read(page: str) -> list[Section]:
    return sections((ROOT / page).read_text())


def fingerprint(english: Section) -> str:
    text = " ".join(" ".join([english.title, *english.blocks]).split())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def difference(english: Section, russian: Section, page: str) -> str:
    """The first thing that the Russian section lacks or has otherwise."""
    if english.level != russian.level:
        return f"the heading's level is {russian.level}, not {english.level}"
    for theirs, ours in zip_longest(english.blocks, russian.blocks, fillvalue=""):
        if not (theirs and ours) or shape(theirs, page) != shape(ours, PAIRS[page]):
            return f"this is not the same in both:\n{theirs}\n{ours}"
    if russian.fingerprint != fingerprint(english):
        return f"the English text has changed: translate it, then write <!-- {fingerprint(english)} -->"
    return ""


def differences(english: list[Section], russian: list[Section], page: str) -> list[str]:
    reports = [
        f"{ours.title} ({theirs.title}): {report}"
        for theirs, ours in zip(english, russian, strict=False)
        if (report := difference(theirs, ours, page))
    ]
    if len(english) != len(russian):
        reports.append(f"{len(russian)} headings, not {len(english)}: {[each.title for each in english]}")
    return reports


@pytest.mark.parametrize("page", PAIRS)
def test_a_russian_page_has_what_the_english_one_has(page: str) -> None:
    reports = differences(read(page), read(PAIRS[page]), page)
    assert not reports, f"{PAIRS[page]} is not what {page} says:\n" + "\n".join(reports)


@pytest.mark.parametrize("page", PAIRS)
def test_both_pages_lead_to_each_other(page: str) -> None:
    for first, second in ((page, PAIRS[page]), (PAIRS[page], page)):
        first_links = LINK.findall(read(first)[0].blocks[0])
        assert [str((ROOT / first).parent.joinpath(link).resolve()) for link in first_links] == [str(ROOT / second)]


# --- the comparison itself ----------------------------------------------------------------------------------

ENGLISH = """# Title

Read [the page](docs/webhooks.md#stripe), **twice**.

## Second

| `a` | 1 |
|---|---|
| `TILL_DEBUG` | 64 KiB |

* `GET /x`
* plain

```sh
make run # not a heading
# nor this
```
"""


def translated() -> str:
    russian = (
        ENGLISH.replace("Read [the page](docs/webhooks.md#stripe), **twice**", "**Дважды** [тут](webhooks.md#stripe)")
        .replace("plain", "просто")
        .replace("64 KiB", "до 64 KiB")
    )
    for each in sections(ENGLISH):
        heading = f"{'#' * each.level} {each.title}\n"
        russian = russian.replace(heading, f"{heading}\n<!-- {fingerprint(each)} -->\n")
    return russian


def test_a_translation_is_no_difference() -> None:
    assert differences(sections(ENGLISH), sections(translated()), "README.md") == []


@pytest.mark.parametrize(
    ("english", "changed", "section_title"),
    [
        ("**Дважды**", "Дважды", "Title"),
        ("webhooks.md#stripe", "webhooks.md#paystack", "Title"),
        ("(webhooks.md#stripe)", "(../../CHANGELOG.md)", "Title"),
        ("## Second", "### Second", "Second"),
        ("TILL_DEBUG", "TILL_DEBIG", "Second"),
        ("64 KiB", "65 KiB", "Second"),
        ("| `TILL_DEBUG` | до 64 KiB |\n", "", "Second"),
        ("* просто\n", "", "Second"),
        ("* просто\n", "* просто\n* ещё\n", "Second"),
        ("GET /x", "GET /y", "Second"),
        ("make run #", "make  run #", "Second"),
        ("# nor this", "# nor that", "Second"),
        ("| 1 |", "| 1 | 1 |", "Second"),
        ("<!-- ", "<!-- 0", "Title"),
    ],
)
def test_a_difference_is_reported_with_its_section(english: str, changed: str, section_title: str) -> None:
    russian = translated()
    assert english in russian
    reports = differences(sections(ENGLISH), sections(russian.replace(english, changed)), "README.md")
    assert reports
    assert reports[0].startswith(f"{section_title} ")


def test_a_heading_less_is_reported() -> None:
    russian = translated()
    assert "1 headings, not 2" in differences(sections(ENGLISH), sections(russian)[:1], "README.md")[-1]


def test_a_change_of_english_prose_alone_is_reported() -> None:
    reports = differences(sections(ENGLISH.replace("plain", "changed")), sections(translated()), "README.md")
    assert [text.split(":")[0] for text in reports] == ["Second (Second)"]
    assert "translate it, then write <!-- " in reports[0]


def test_wrapping_a_paragraph_anew_is_no_change() -> None:
    english = ENGLISH.replace("Read [the", "Read\n[the")
    assert differences(sections(english), sections(translated()), "README.md") == []
