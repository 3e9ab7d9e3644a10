"""What is marked for translation is seen, and a catalog that is not whole is refused."""

import ast
from collections.abc import Callable
from io import BytesIO

import pytest
from babel.messages import Catalog, pofile

from tests.support.marked_texts import Marked, NotLiteral, texts_of_python, texts_of_template
from tests.support.messages import compiled, faults_of, update, written

ONE = "%(count)s key"


def of_python(source: str) -> list[Marked]:
    return list(texts_of_python(ast.parse(source), "here.py"))


@pytest.mark.parametrize(
    ("source", "marked"),
    [
        ('_("Paid")', [Marked("Paid")]),
        ('gettext_lazy("Two " "parts")', [Marked("Two parts")]),
        ('ngettext("%(n)s key", "%(n)s keys", n)', [Marked("%(n)s key", "%(n)s keys")]),
        ('pgettext("of an order", "Paid")', [Marked("Paid", context="of an order")]),
        ('translation.gettext("Paid")', [Marked("Paid")]),
        ('marked("At most %(count)s.", count=3)', [Marked("At most %(count)s.")]),
        ('print("Paid")', []),
    ],
)
def test_python_marks(source: str, marked: list[Marked]) -> None:
    assert of_python(source) == marked


@pytest.mark.parametrize("source", ['_(f"{n} keys")', "_(text)", "ngettext('a key', plural, n)"])
def test_only_a_literal_can_be_looked_up(source: str) -> None:
    with pytest.raises(NotLiteral, match=r"here\.py:1"):
        of_python(source)


@pytest.mark.parametrize(
    ("template", "marked"),
    [
        ("{% load i18n %}{% translate 'It is (paid)' %}", [Marked("It is (paid)")]),
        ('{% blocktranslate %}{{ n }} of "all"{% endblocktranslate %}', [Marked('%(n)s of "all"')]),
        (
            "{% blocktranslate count n=n %}{{ n }} key{% plural %}{{ n }} keys{% endblocktranslate %}",
            [Marked("%(n)s key", "%(n)s keys")],
        ),
        ('{{ title|default:_("None") }}', [Marked("None")]),
        ("<b>Paid</b>", []),
    ],
)
def test_templates_mark(template: str, marked: list[Marked]) -> None:
    assert list(texts_of_template(template)) == marked


def template() -> Catalog:
    catalog = Catalog(fuzzy=False)
    catalog.add("Paid")
    catalog.add((ONE, "%(count)s keys"))
    return catalog


def whole() -> Catalog:
    """Return a catalog as it is read from a file."""
    catalog = Catalog(locale="ru")
    update(catalog, template())
    catalog["Paid"].string = "Исполнена"
    catalog[ONE].string = ("%(count)s ключ", "%(count)s ключа", "%(count)s ключей")
    return pofile.read_po(BytesIO(written(catalog)), locale="ru")


def test_a_whole_catalog_is_taken() -> None:
    assert list(faults_of(whole(), template(), compiled(whole()))) == []


def leave_untranslated(catalog: Catalog) -> None:
    catalog["Paid"].string = ""


def leave_a_number_untranslated(catalog: Catalog) -> None:
    catalog[ONE].string = ("%(count)s ключ", "", "%(count)s ключей")


def guess(catalog: Catalog) -> None:
    catalog["Paid"].flags.add("fuzzy")


def rename_a_placeholder(catalog: Catalog) -> None:
    catalog[ONE].string = ("%(n)s ключ", "%(count)s ключа", "%(count)s ключей")


def keep_what_is_gone(catalog: Catalog) -> None:
    catalog.add("Settled", "Решено")


def forget(catalog: Catalog) -> None:
    catalog.delete("Paid")


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (leave_untranslated, "not translated"),
        (leave_a_number_untranslated, "not translated"),
        (guess, "fuzzy"),
        (rename_a_placeholder, "other placeholders"),
        (keep_what_is_gone, "no longer marked"),
        (forget, "not in the catalog"),
    ],
)
def test_a_catalog_that_is_not_whole_is_refused(spoil: Callable[[Catalog], None], fault: str) -> None:
    catalog = whole()
    spoil(catalog)
    [found_fault] = faults_of(catalog, template(), compiled(catalog))
    assert found_fault.startswith(fault)


def test_a_compiled_catalog_of_yesterday_is_refused() -> None:
    old = whole()
    old["Paid"].string = "Оплачена"
    assert "make messages" in "".join(faults_of(whole(), template(), compiled(old)))


def test_what_is_new_is_taken_in_and_what_is_gone_is_dropped() -> None:
    catalog = whole()
    keep_what_is_gone(catalog)
    new = template()
    new.add("Rejected")
    update(catalog, new)
    assert "Settled" not in written(catalog).decode()
    assert list(faults_of(catalog, new, compiled(catalog))) == ["not translated: ('', 'Rejected')"]
