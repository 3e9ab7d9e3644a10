"""The Russian catalog: brought up to date with what the sources mark, compiled, and checked.

`python -m tests.support.messages` writes both files. With `--check` it changes nothing, and fails where a text is not
translated. Both need nothing but Python: gettext's own programs are on few machines.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import django
from babel.messages import Catalog, Message, mofile, pofile

from tests.support.source_files import ROOT

CATALOG = ROOT / "config" / "locale" / "ru" / "LC_MESSAGES" / "django.po"
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}")


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    catalog, template = read(CATALOG), template_of_sources()
    if "--check" not in arguments:
        update(catalog, template)
        CATALOG.write_bytes(written(catalog))
        catalog = read(CATALOG)
        CATALOG.with_suffix(".mo").write_bytes(compiled(catalog))
    faults = list(faults_of(catalog, template, CATALOG.with_suffix(".mo").read_bytes()))
    print(*faults, f"{len(template)} texts, {len(faults)} faults", sep="\n")
    return int("--check" in arguments and bool(faults))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return pofile.read_po(file, locale="ru", abort_invalid=True)


def template_of_sources() -> Catalog:
    """Return what the sources mark, without translations."""
    from tests.support.marked_texts import marked_texts  # needs Django's apps

    template = Catalog(fuzzy=False)
    for text, files in marked_texts().items():
        ids = (text.text, text.plural) if text.plural else text.text
        template.add(ids, locations=[(file, 0) for file in files], context=text.context or None)
    return template


def update(catalog: Catalog, template: Catalog) -> None:
    """Take in what is new and drop what is gone. The date stays: it says nothing that git does not."""
    template.creation_date, catalog.msgid_bugs_address = catalog.creation_date, ""
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()


def written(catalog: Catalog) -> bytes:
    file = BytesIO()
    pofile.write_po(file, catalog, width=110, sort_output=True, include_lineno=False)
    return file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    file = BytesIO()
    mofile.write_mo(file, catalog)
    return file.getvalue()


def faults_of(catalog: Catalog, template: Catalog, compiled_catalog: bytes) -> Iterator[str]:
    """Return what is missing, left over, unfinished or stale, each with its text."""
    wanted = {_key(message) for message in template if message.id}
    known = {_key(message): message for message in catalog if message.id}
    yield from (f"not in the catalog: {key}" for key in sorted(wanted - known.keys()))
    yield from (f"no longer marked: {key}" for key in sorted(known.keys() - wanted))
    for key in sorted(wanted & known.keys()):
        yield from (f"{fault}: {key}" for fault in _faults_of_message(known[key]))
    if catalog.obsolete:
        yield "the catalog has texts that are commented out"
    if compiled(catalog) != compiled_catalog:
        yield "django.mo is not of this django.po: run make messages"


def _key(message: Message) -> tuple[str, ...]:
    return (message.context or "", *_all(message.id))


def _faults_of_message(message: Message) -> Iterator[str]:
    ids, texts = _all(message.id), _all(message.string)
    if message.fuzzy:
        yield "fuzzy"
    if not texts or not all(texts):
        yield "not translated"
    elif any(_placeholders([text]) != _placeholders(ids) for text in texts):
        yield "other placeholders"


def _all(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    """Return the forms of a text: one, or those of its numbers."""
    return [text] if isinstance(text, str) else list(text or ())


def _placeholders(texts: Iterable[str]) -> set[str]:
    return {placeholder for text in texts for placeholder in _PLACEHOLDER.findall(text)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
