"""The code rules that no tool checks by itself: sizes, names, escapes, who may write the books."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_files import PACKAGES, ROOT, imported, is_test, named, sources, tree_of, trees

pytestmark = pytest.mark.text

MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 70
GRAB_BAGS = {"utils", "util", "common", "core", "helpers", "helper", "misc", "signals"}
LEDGER_MODELS = {"Transaction", "Posting", "HouseCheckpoint"}
LEDGER_TABLES = {"payments_transaction", "payments_posting", "payments_housecheckpoint"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.fixture(scope="module", autouse=True)
def _forget_the_trees() -> Iterator[None]:
    yield
    tree_of.cache_clear()


# --- sizes and names ----------------------------------------------------------------------------------------


def test_every_file_fits_the_head() -> None:
    """Migrations are Django's writing and are not counted."""
    written = [path for path in sources() if "migrations" not in path.parts]
    assert not [named(path) for path in written if len(path.read_text().splitlines()) > MAX_FILE_LINES]


def test_every_function_fits_a_screen() -> None:
    assert not [
        f"{named(path)}:{node.lineno} {node.name}"
        for path, tree in trees(sources())
        for node in ast.walk(tree)
        if isinstance(node, Function) and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]


def test_no_module_is_a_grab_bag() -> None:
    assert not [named(path) for path in sources() if GRAB_BAGS & {path.stem, path.parent.name}]


#: Names that Django prescribes: the loader finds them by the module that they are in.
PRESCRIBED = {
    "Command": "a management command",
    "DatabaseWrapper": "a database engine",
    "Migration": "a migration",
}


def test_no_class_name_stands_for_two_things() -> None:
    """A nested class is named with its owner: `Transaction.Kind`. Type aliases count as classes, type variables not."""
    places: dict[str, list[str]] = {}
    for path, tree in trees([path for path in sources() if not is_test(path)]):
        for name in defined_types(tree.body):
            places.setdefault(name, []).append(named(path))
    assert not {name: where for name, where in places.items() if len(where) > 1 and name not in PRESCRIBED}


def defined_types(body: list[ast.stmt], owner: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield owner + node.name
            yield from defined_types(node.body, f"{owner}{node.name}.")
        elif isinstance(node, ast.Assign) and not owner and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if re.fullmatch(r"_?[A-Z]+[a-z]\w*", name) and not ast.unparse(node.value).startswith("TypeVar("):
                yield name


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("class Wallet: ...", ["Wallet"]),
        ("class Order:\n class Kind: ...", ["Order", "Order.Kind"]),
        ("Send = Callable[[str], None]", ["Send"]),
        ("Result = TypeVar('Result')", []),
        ("LIMIT = 3", []),
    ],
)
def test_the_rule_sees_classes_and_type_aliases(code: str, names: list[str]) -> None:
    assert list(defined_types(ast.parse(code).body)) == names


# --- no way around the tools --------------------------------------------------------------------------------

ESCAPES = {
    "a note instead of the work": r"\b(TODO|FIXME)\b",
    "an ignore that names no code": r"#\s*(noqa(?!: [A-Z])|type:\s*ignore(?!\[)|ruff: noqa|pragma: no cover)",
    "a test that does not run": r"\b(skip|xfail)\(|mark\.skip\b|skipif\((?!.*reason=)",
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_has(escape: str) -> None:
    lines = (
        (f"{named(path)}:{number}", line)
        for path in sources()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
    )
    assert not [place for place, line in lines if re.search(ESCAPES[escape], line)]


# --- layers -------------------------------------------------------------------------------------------------


def test_every_package_has_its_layer() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    rooted = set(contracts["importlinter"]["root_packages"].split())
    assert rooted == set(PACKAGES) - {"benchmarks"}


# --- other machines -----------------------------------------------------------------------------------------

NETWORK = {
    *("smtplib", "django.core.mail", "urllib.request", "http.client", "socket", "requests", "httpx", "httpcore"),
    "ftplib",
}
#: What speaks to other machines: never in a request. Mail is queued; rates and webhooks are sent by commands.
SPEAKERS = {
    "accounts/services/outgoing_mail.py",
    "benchmarks",
    "config/embedded_postgres",
    "config/server/healthcheck.py",
    "config/management",
    "config/server/worker.py",
    "payments/deliveries/sender.py",
    "payments/exchange/services/rate_import.py",
    "payments/webhooks/simulator.py",
}


def test_no_request_speaks_to_another_machine() -> None:
    """A machine that accepts and says nothing would hold every thread that answers people."""
    speaking = {
        named(path) for path, tree in trees(sources()) if not is_test(path) and not imported(tree).isdisjoint(NETWORK)
    }
    assert not [path for path in speaking if not path.startswith(tuple(SPEAKERS))]


# --- the one door -------------------------------------------------------------------------------------------


def outside_the_ledger() -> list[Path]:
    """What runs in production and is not `payments.ledger`; migrations make the tables and their guards."""
    allowed = (ROOT / "payments" / "ledger",)
    return [
        path
        for path in sources()
        if not is_test(path) and "migrations" not in path.parts and not any(path.is_relative_to(a) for a in allowed)
    ]


WRITES_SQL = re.compile(
    r"\b(insert\s+into|update|delete\s+from|truncate(\s+table)?|copy|merge\s+into)\s+(only\s+)?\"?(?P<table>\w+)",
    re.IGNORECASE,
)
WRITES_ORM = {
    "create",
    "acreate",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "update",
    "delete",
}


def test_nobody_but_the_ledger_writes_the_books() -> None:
    assert not [f"{named(path)}:{what}" for path in outside_the_ledger() for what in ledger_writes(path.read_text())]


def ledger_writes(text: str) -> Iterator[str]:
    """Where transactions, postings, checkpoints or a wallet's balance are written, as `line: what`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{node.lineno}: {what}" for what in sql_writes(node.value))
        elif isinstance(node, ast.Call) and (what := orm_write(node)):
            yield f"{node.lineno}: {what}"
        elif isinstance(node, ast.Assign | ast.AugAssign):
            yield from (f"{node.lineno}: {what}" for what in balance_assignments(node))


def sql_writes(sql: str) -> Iterator[str]:
    for match in WRITES_SQL.finditer(sql):
        table = match["table"].lower()
        if table in LEDGER_TABLES or (table == "payments_wallet" and re.search(r"\bbalance\b\s*=", sql)):
            yield match[0]


def orm_write(call: ast.Call) -> str:
    """`Transaction(…)`, `Posting.objects.create(…)`, `Wallet.objects.update(balance=…)` and their like."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id if function.id in LEDGER_MODELS else ""
    if not isinstance(function, ast.Attribute) or function.attr not in WRITES_ORM:
        return ""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    touched = {keyword.arg for keyword in call.keywords}
    if (names | attributes) & LEDGER_MODELS or "balance" in touched:
        return ast.unparse(call)
    return ""


def balance_assignments(node: ast.Assign | ast.AugAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Attribute) and target.attr == "balance":
            yield ast.unparse(node)


@pytest.mark.parametrize(
    "code",
    [
        'cursor.execute("INSERT INTO payments_posting (amount) VALUES (1)")',
        'cursor.execute("update payments_wallet set balance = balance + 1")',
        'cursor.execute("TRUNCATE payments_transaction")',
        'cursor.execute(f"DELETE FROM payments_transaction WHERE id = {id}")',
        "Posting.objects.create(amount=1)",
        "models.Posting.objects.filter(id=1).delete()",
        "Transaction(kind='deposit').save()",
        "Wallet.objects.filter(id=1).update(balance=5)",
        "Wallet.objects.create(owner=mallory, balance=5)",
        "wallet.balance += 1",
    ],
)
def test_the_rule_notices_a_write_to_the_ledger(code: str) -> None:
    assert list(ledger_writes(code))


@pytest.mark.parametrize(
    "code",
    [
        'cursor.execute("SELECT balance FROM payments_wallet")',
        "Posting.objects.filter(amount=1).count()",
        "Wallet.objects.create(owner=alice, currency=usd)",
        "balance = wallet.balance",
    ],
)
def test_the_rule_lets_others_read_the_ledger(code: str) -> None:
    assert not list(ledger_writes(code))


# --- words --------------------------------------------------------------------------------------------------


def test_the_code_says_source_and_destination() -> None:
    """docs/glossary.md: these two words for the sides of a posting, and no others."""
    others = re.compile(r"(^|_)(debit|debits|debited|contra)(_|$)")
    names = (
        (path, node.id)
        for path, tree in trees([path for path in sources() if not is_test(path)])
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    )
    assert not [f"{named(path)}: {name}" for path, name in names if others.search(name)]


# --- requirements -------------------------------------------------------------------------------------------


def required(filename: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in (ROOT / filename).read_text().splitlines())
    return [re.split(r"[\[<>=;!~ ]", line)[0].lower() for line in lines if line and not line.startswith("-")]


@pytest.mark.parametrize("package", [*required("requirements.in"), *required("requirements-embedded.in")])
def test_every_dependency_has_its_reason(package: str) -> None:
    rows = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    reasons = [row.split("|")[2].strip() for row in rows if row.startswith("|") and f"`{package}`" in row.split("|")[1]]
    assert len(reasons) == 1
    assert len(reasons[0]) > 20


@pytest.mark.parametrize("filename", ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"])
def test_every_dependency_is_pinned(filename: str) -> None:
    lines = [line for line in (ROOT / filename).read_text().splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert all(re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^ ]+( ; .*)?( \\)?$|    --hash", line) for line in lines)


@pytest.mark.parametrize("filename", ["requirements.in", "requirements-embedded.in", "requirements-dev.in"])
def test_every_wish_is_locked(filename: str) -> None:
    locked = required(filename.replace(".in", ".txt"))
    assert not [package for package in required(filename) if package not in locked]


@pytest.mark.parametrize("filename", ["requirements.txt", "requirements-embedded.txt"])
def test_development_has_what_production_and_make_run_have(filename: str) -> None:
    pinned = [line for line in (ROOT / filename).read_text().splitlines() if "==" in line]
    assert pinned
    assert not set(pinned) - set((ROOT / "requirements-dev.txt").read_text().splitlines())
