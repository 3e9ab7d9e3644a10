"""The documentation is part of the house: what it names exists, and what exists has its entry."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.server import startup_message

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- links --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = CODE_BLOCK.sub("", page.read_text())
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", target)]
    missing = [target for target in targets if not leads_somewhere(page, target)]
    assert not missing


def leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.is_relative_to(ROOT) or not file.exists():
        return False
    return not anchor or anchor in anchors(file.read_text())


def anchors(text: str) -> set[str]:
    """The names that a heading gets, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- settings -----------------------------------------------------------------------------------------------


def read_variables() -> set[str]:
    """Every environment variable that the code reads."""
    files = [
        path for app in ("config", "legacy", "accounts", "payments", "catalog") for path in (ROOT / app).rglob("*.py")
    ]
    code = "\n".join(path.read_text() for path in files if "tests" not in path.parts)
    kinds = "text|number|seconds|amounts?|flag|names|networks|origins|currency|choices?|rate|token|database|mail"
    reader = rf"""\benv\.(?:{kinds})\(\s*["'](\w+)["']"""
    return set(re.findall(reader, code)) | set(re.findall(r"""environ(?:\.get\(|\[)["'](TILL_\w+)["']""", code))


def documented_variables() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_0-9]+)` \|", OPERATIONS, re.MULTILINE))


def test_every_variable_is_documented() -> None:
    assert {"PORT", "TILL_DEBUG", "TILL_WORKERS"} <= read_variables()
    assert read_variables() == documented_variables()


def test_every_check_is_documented() -> None:
    checks = [path.read_text() for path in (ROOT / "config").rglob("*checks.py")]
    ids = set(re.findall(r'"(till\.[EW]\d+)"', "".join(checks)))
    assert ids == set(re.findall(r"^\| `(till\.[EW]\d+)` \|", OPERATIONS, re.MULTILINE))


# --- verbs and commands -------------------------------------------------------------------------------------


def test_every_verb_is_in_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert verbs == set(re.findall(r"^\| `make ([a-z-]+)` \|", README, re.MULTILINE))


def our_commands() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("*/management/commands/*.py") if path.stem != "__init__")


def test_every_command_is_documented() -> None:
    documented = set(re.findall(r"^\| `manage\.py ([a-z_]+)", OPERATIONS, re.MULTILINE))
    assert documented - {"migrate"} == set(our_commands())


# --- the first minute ---------------------------------------------------------------------------------------


def test_the_readme_shows_the_curl_that_is_printed() -> None:
    assert startup_message.curl(8000) in README
    assert startup_message.curl(8000) in startup_message.startup_message(8000)


def test_the_readme_names_the_demo_logins_that_are_printed() -> None:
    emails = re.findall(r"\w+@example\.com", startup_message.startup_message(8000))
    assert emails
    assert all(email in README for email in emails)


def test_every_address_that_is_printed_leads_to_a_page(client: Any, db: None) -> None:
    for address in re.findall(r"http://127.0.0.1:8000(\S+)", startup_message.startup_message(8000)):
        expected = 405 if address == "/webhook/payment" else 200
        assert client.get(address, follow=True).status_code == expected, address


# --- decisions ----------------------------------------------------------------------------------------------

RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
#: Lines with text, at most 120 columns each: a printed page.
MAX_RECORD_LINES = 45
TITLE_BLOCK = re.compile(
    r"# (?P<number>\d{4}) (?P<title>.+)\n\n"
    r"\* Status: (?P<status>Accepted|Superseded by (?P<successor>\d{4}))\n"
    r"\* Date: (?P<date>\d{4}-\d\d-\d\d)\n\n"
)


def title_block(record: Path) -> re.Match[str]:
    match = TITLE_BLOCK.match(record.read_text())
    assert match, f"{named(record)} does not begin with its number and title, a status and a date"
    return match


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_a_decision_says_why_and_at_what_price(record: Path) -> None:
    headings = re.findall(r"^## (.+)$", record.read_text(), re.MULTILINE)
    assert headings == ["Context", "Decision", "Price", "Rejected"]


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_a_decision_begins_with_its_number_status_and_date(record: Path) -> None:
    block = title_block(record)
    assert block["number"] == record.name[:4]
    date.fromisoformat(block["date"])


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_a_decision_fits_on_one_page(record: Path) -> None:
    assert sum(bool(line.strip()) for line in record.read_text().splitlines()) <= MAX_RECORD_LINES


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_a_superseded_decision_names_a_later_one(record: Path) -> None:
    block = title_block(record)
    later = {other.name[:4] for other in RECORDS if other.name > record.name}
    assert block["successor"] is None or block["successor"] in later


def test_the_index_of_decisions_says_what_the_records_say() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    lines = re.findall(r"^\| \[\d{4}\].*$", index, re.MULTILINE)
    assert lines == [index_line(record) for record in RECORDS]


def index_line(record: Path) -> str:
    block = title_block(record)
    link = f"[{block['number']}]({record.name})"
    return f"| {link} | {block['title']} | {block['status']} | {block['date']} |"
