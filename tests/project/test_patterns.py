"""Every regular expression that sees input, listed, and each run on 64 kB of what is worst for it.

A pattern that looks at characters twice holds the interpreter, and with it every request of its worker. The list is
compared with the source: a pattern that is compiled and not listed fails here.
"""

import ast
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from config.server.request_log import JsonFormatter, TextFormatter, clean
from payments.webhooks import notices
from tests.support.log_records import record_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("accounts", "api", "catalog", "config", "legacy", "payments", "postgres", "staff")
LENGTH = 64 * 1024
#: Of this thread's own processor time: a pattern that is linear takes a few milliseconds, a quadratic one a minute.
SECONDS = 0.5

#: What most patterns are made of; repeated, each is the worst for somebody.
UNITS = ("a", "A", "0", " ", "\t", "-", ".", "a.", "a-", "a+", "a/", "x@", "0.", "A0", "0 ", '"', '\\"', ",", "é", "{")
#: Where to find each pattern, and what is worst for it besides UNITS: (beginning, what is repeated, end).
Worst = tuple[str, str, str]
LISTED: dict[str, tuple[Worst, ...]] = {
    "accounts.api_keys:_KEY": (("till_", "a", ""), ("", "till_aaaaaaaaaa_", "")),
    "config.embedded_postgres.privileges:_capability": (),
    "config.environment:CURRENCY": (),
    "config.environment:ORIGIN": (("a://", "a.", "/"), ("a://[", "0:", "")),
    "config.environment:number": (("-", "1", ""),),
    "config.environment:rate": (("1", "0", "/"),),
    "config.environment:token": (),
    "api.parsers:_UNSTORABLE": (("", "\\u", ""), ("", "\\ud800", "")),
    "config.server.request_log:CONTROL": (("", "\x00", ""), ("", "\u202e", "")),
    "config.server.request_log:SANE_REQUEST_ID": (),
    "config.server.request_log:SECRETS": (
        *(
            ("", unit, end)
            for unit in ("eyJ", "-eyJ", "eyJaaaaa", "eyJaaaaa-", "eyJaaaaa.", "eyJ.")
            for end in ("", "!")
        ),
        *(("", unit, end) for unit in ("Bearer", "Bearer ", "bearer\t", "BearerBearer ") for end in ("", "x")),
        *(("", unit, end) for unit in ("://", "://a", "://:", "a://a:", "://a:b", ":", "a:") for end in ("", "@", "…")),
        *(("://", unit, "") for unit in ("a", ":", "a:")),
        *(("://a:", unit, "") for unit in ("a", ":", "://", "b/")),
        *(("", unit, end) for unit in ("till_", "till_a", "till_a_", " till_a_a") for end in ("", "_")),
        *(("", unit, "") for unit in ("/auth/activate/", "/auth/activate/a", "/auth/activate")),
        ("Bearer", " ", ""),
        ("eyJ", "-", ""),
    ),
    "config.server.request_log:SECRET_NAME": (("", "private_", ""), ("", "apikeapi_ke", "")),
    "config.server.request_threads:PASSWORD_PATHS": (
        ("/api/v1/", "1", ""),
        ("/api/v1/users/", "1", "/"),
        ("/admin/", "1", ""),
    ),
    "config.database.session_checks:check_options": (("lock_timeout", " ", ""), ("", "lock_timeout ", "")),
    "config.urls:re_path": (("api/v1", "/", ""),),
    "payments.deliveries.addresses:_NAME": (("", "a.", "-"), ("", "_.", ""), ("a", "-", "")),
    "payments.deliveries.addresses:check_url": (),
    "payments.deliveries.queries:_EVENT": (("evt_1", "0", ""),),
    "payments.orders.external_details:_ADDRESS": (),
    "payments.orders.external_details:_BIC": (),
    "payments.orders.external_details:_CARD_NUMBER": (("", "1" + " " * 999, ""), ("", "1 - ", "x"), ("1", " ", "")),
    "payments.orders.external_details:_EXPIRY": (),
    "payments.orders.external_details:_NETWORK": (),
    "payments.orders.external_details:_SEPARATOR": (),
    "payments.orders.external_details:_TAIL": (("", "*", "123"), ("", "x.", ""), ("", "12345", "")),
    "payments.orders.iban:_SHAPE": (),
    "payments.webhooks.addresses:_SLUG": (("", "a_", "!"),),
    "payments.webhooks.field_maps:_CURRENCY": (),
    "payments.webhooks.field_maps:_DIGITS": (("-", "1", ""),),
    "payments.webhooks.json_pointers:_INDEX": (),
    "payments.webhooks.json_pointers:_POINTER": (("/", "~1", "~"), ("", "/a", "~"), ("/", "a", "~")),
    "payments.webhooks.models.events:_SECRETS": (
        *(
            ("", unit, end)
            for unit in ('"signature"', '"signature": ', '"signature": "', '"client_secret" ')
            for end in ("", '"')
        ),
        ('"signature": "', "\\", ""),
        ('"signature": "', '\\"', ""),
        ('"signature"', " ", ""),
    ),
    "payments.webhooks.models.providers:RegexValidator": (("a", "_", "\n"),),
    "payments.ledger.models.wallets:RegexValidator": (),
    "api.decimals:_CANONICAL_DECIMAL": (("1", "0", "."), ("0.", "0", "x")),
    "payments.webhooks.notices:_INTEGER": (("-1", "0", ""),),
    "payments.webhooks.notices:_TEXT_ID": (),
    "payments.webhooks.notices:_UUID": (("", "a-", ""),),
    "payments.webhooks.notices:_members": (
        *(
            ("{" + begun, " ", "")
            for begun in ("", '"amount"', '"amount":', '"amount":1', '"amount":1,', '"user_id":1')
        ),
        *(('{"' + name + '":"', "a", end) for name in ("signature", "transaction_id") for end in ("", '"')),
        *(('{"' + name + '":', "1", "}") for name in ("amount", "user_id", "account_id", "bill_id")),
        ("{", '"amount":1,', ""),
        ("{", '"signature":"",', "}"),
        ("{", '"user_id":1 , ', "}"),
    ),
    "api.filters:_CURRENCY": (),
    "api.filters:_DAY": (),
    "api.filters:_DIGITS": (),
    "api.filters:_ID": (("1", "0", ""),),
    "api.filters:_MOMENT": (("2026-01-01T00:00:00.", "0", "Z"),),
    "payments.exchange.services.ecb_files:_CODE": (),
    "payments.metadata.filters:_PARAMETER": (("metadata[", "a", ""),),
    "payments.metadata.members:KEY": (),
    "payments.exchange.services.ecb_files:_ISO_DAY": (),
    "payments.idempotency.service:VISIBLE_ASCII": (),
    "api.csv_rows:_FORMULA_OR_MARK": (),
    "api.csv_rows:_LOOKS_LIKE_A_NUMBER": (("1", " ", "x"), ("", " 1", "e"), ("1e", "1", " x")),
    "api.csv_rows:_NUMBER": (("1", "0", "."), ("1.", "0", "x")),
    "payments.urls:re_path": (("rates/", "A", ""), ("rates/USD/", "A", "")),
}
#: Calls that look at text with a pattern, of the module `re` and of Django.
OF_RE = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
FROM_ANYWHERE = OF_RE - {"compile", "fullmatch", "match"}
OF_DJANGO = {"RegexValidator", "re_path"}


def sources() -> Iterator[tuple[str, Path]]:
    for app in PACKAGES:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def called(node: ast.AST) -> str:
    """The name that is called with a pattern, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re":
        return function.attr if function.attr in OF_RE else ""
    return function.id if isinstance(function, ast.Name) and function.id in OF_DJANGO else ""


def patterns_in(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Each call and what it is known by: the constant or function that it stands in, or Django's name."""
    for node in ast.iter_child_nodes(tree):
        name = owner
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name
        elif isinstance(node, ast.Assign) and not owner and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and not owner and isinstance(node.target, ast.Name):
            name = node.target.id
        if function := called(node):
            assert isinstance(node, ast.Call)
            yield function if function in OF_DJANGO else name, node
        yield from patterns_in(node, name)


@cache
def calls_found() -> dict[str, list[ast.Call]]:
    calls: dict[str, list[ast.Call]] = {}
    for module, path in sources():
        for name, call in patterns_in(ast.parse(path.read_text())):
            calls.setdefault(f"{module}:{name}", []).append(call)
    return calls


def compiled(where: str) -> Iterator[re.Pattern[str]]:
    """The patterns that are known by this name: those of the module, or the literal in the call."""
    module, _, name = where.partition(":")
    value = getattr(import_module(module), name, None)
    if isinstance(value, re.Pattern):
        yield value
    elif where == "payments.webhooks.notices:_members":
        yield from notices.USUAL.values()
    elif where == "config.database.session_checks:check_options":
        yield from (re.compile(rf"\b{name.lower()}\s*=") for name in settings.SESSION_SETTINGS)
    else:
        for call in calls_found()[where]:
            literal = call.args[0]
            assert isinstance(literal, ast.Constant), f"{where}: no literal"
            assert isinstance(literal.value, str)
            yield re.compile(literal.value)


@cache
def ways() -> dict[str, str]:
    """How text is looked at with a pattern, by its name: from anywhere, from the beginning, or as a whole."""
    calls_found = dict.fromkeys(OF_DJANGO, "search")
    for _, path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in FROM_ANYWHERE:
                calls_found[node.value.id] = "search"
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == "match":
                calls_found.setdefault(node.value.id, "match")
    return calls_found


def repeated(worst: Worst) -> str:
    beginning, unit, end = worst
    return beginning + unit * (LENGTH // len(unit)) + end


def quickly(function: Callable[[str], object], texts: Iterator[str]) -> None:
    for text in texts:
        started = time.thread_time()
        function(text)
        taken = time.thread_time() - started
        assert taken < SECONDS, f"{taken:.1f} s for {text[:40]!r}…{text[-10:]!r}"


def worst_for(*own: Worst) -> Iterator[str]:
    common = [("", unit, end) for unit in UNITS for end in ("", "!")]
    return (repeated(worst) for worst in (*own, *common))


def test_every_pattern_is_listed() -> None:
    assert sorted(LISTED) == sorted(calls_found())


@pytest.mark.parametrize("where", LISTED)
def test_a_pattern_takes_time_in_proportion_to_its_input(where: str) -> None:
    way = ways().get(where.partition(":")[2], "fullmatch")
    for pattern in compiled(where):
        quickly(getattr(pattern, way), worst_for(*LISTED[where]))


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_log_line_takes_time_in_proportion_to_its_length(formatter: JsonFormatter | TextFormatter) -> None:
    own = LISTED["config.server.request_log:SECRETS"]
    quickly(clean, worst_for(*own))
    quickly(lambda text: formatter.format(record_of(text, path=text)), worst_for(*own[::4]))


def leaves(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from leaves(entry)
        else:
            yield entry


def test_an_address_is_looked_up_in_time_in_proportion_to_its_length() -> None:
    for leaf in leaves(get_resolver()):
        regex = getattr(leaf.pattern, "regex")  # noqa: B009  each kind of pattern has its own, which the stubs forget
        begins = re.sub(r"[\^\\]", "", regex.pattern.partition("(")[0]).removesuffix("Z")
        quickly(regex.search, (repeated((begins, unit, end)) for unit in UNITS for end in ("", "!")))
