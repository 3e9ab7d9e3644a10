"""Rules for tests that no tool checks: nothing of ours is mocked, recipes make objects, what is private stays so."""

import ast
from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.db import connection

from tests.support.source_files import imported, is_test, named, sources, trees


def test_no_test_replaces_our_own_code_by_a_mock() -> None:
    assert not [named(path) for path, tree in trees(sources()) if "unittest.mock" in imported(tree)]


def test_no_small_number_is_a_row_of_any_table(db: None) -> None:
    """A made-up id would be one or not by what ran before, and one table's id would be another's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT start_value FROM pg_sequences WHERE schemaname = 'public'")
        starts = sorted(start for (start,) in cursor.fetchall())
    assert all(later - earlier >= 1_000_000 for earlier, later in pairwise([0, *starts])), starts


MAKES_ROWS = {"create", "bulk_create", "get_or_create", "update_or_create", "create_user", "create_superuser"}


def test_tests_make_objects_by_recipes() -> None:
    """tests/support/recipes.py: what is valid is said there, once for each model."""
    assert not [
        f"{named(path)}:{call.lineno} {ast.unparse(call.func)}"
        for path, tree in trees([path for path in sources() if is_test(path)])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and makes_a_row(call)
    ]


def makes_a_row(call: ast.Call) -> bool:
    """`Model.objects.create(…)` and its like, however the manager is reached."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in MAKES_ROWS
        and isinstance(function.value, ast.Attribute)
        and function.value.attr in {"objects", "_default_manager"}
    )


@pytest.mark.parametrize(
    ("code", "is_refused"),
    [
        ("User.objects.create(email='dave@example.com')", True),
        ("get_user_model().objects.bulk_create(users)", True),
        ("recipes.user.make()", False),
        ("User.objects.get(pk=1)", False),
        ("services.create_user(email='dave@example.com')", False),
    ],
)
def test_the_rule_notices_an_object_without_a_recipe(code: str, is_refused: bool) -> None:
    [statement] = ast.parse(code).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert makes_a_row(statement.value) is is_refused


#: Names that begin with an underscore and are documented: Django's, and those of named tuples. The last is Stripe's,
#: whose library signs by nothing else.
PUBLIC = {"_meta", "_default_manager", "_replace", "_asdict", "_fields", "_make", "_compute_signature"}
BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}


def test_no_test_reaches_into_what_is_private() -> None:
    """A test of what nobody else can see fails when the inside changes and the promise does not."""
    assert not [
        f"{named(path)}:{reach}"
        for path, tree in trees([path for path in sources() if is_test(path)])
        for reach in private_reaches(tree)
    ]


def private_reaches(tree: ast.AST) -> Iterator[str]:
    """Private attributes of other objects, private names that are imported, and either in a text, as `line: what`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            names = [] if own else [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in BY_NAME:
            texts = [text.value for text in node.args if isinstance(text, ast.Constant)]
            names = [name for text in texts if isinstance(text, str) for name in text.split(".")]
        else:
            continue
        if any(is_private(name) for name in names):
            yield f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def is_private(name: str) -> bool:
    is_magic = name.startswith("__") and name.endswith("__")
    return name.startswith("_") and not is_magic and name not in PUBLIC


@pytest.mark.parametrize(
    "code",
    [
        "committer._thread.shutdown()",
        "from payments.webhooks.receiving.event_store import _FIND",
        "monkeypatch.setattr(PipelineConnection, '_wait', interrupted)",
        "monkeypatch.setattr('accounts.services.seeding._BATCH_SIZE', 2)",
        "getattr(queue, '_free')",
    ],
)
def test_the_rule_notices_a_reach_into_what_is_private(code: str) -> None:
    assert list(private_reaches(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["self._names", "User._meta.fields", "sample._replace(amount=1)", "queue.__class__", "_, last = pair"]
)
def test_the_rule_lets_tests_use_their_own_and_what_is_documented(code: str) -> None:
    assert not list(private_reaches(ast.parse(code)))
