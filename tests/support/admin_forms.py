"""Forms of /admin as a browser holds them: what it would send of a page that it has loaded, nothing typed."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

_BUTTONS, _BOXES = ("submit", "button", "file"), ("checkbox", "radio")


class _Controls(HTMLParser):
    """The successful controls of a page, by name. Of a select the chosen option; unticked boxes are not sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.sent):
            self.sent[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea, self.sent[name] = name, ""
        elif tag == "input" and name and kind not in _BUTTONS and (kind not in _BOXES or "checked" in given):
            self.sent[name] = given.get("value", "on" if kind in _BOXES else "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.sent[self._textarea] += data.removeprefix("\r\n").removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        self._select = "" if tag == "select" else self._select
        self._textarea = "" if tag == "textarea" else self._textarea


def loaded(site: Client, page: str) -> dict[str, str]:
    """Load the page; return what Save would send."""
    controls = _Controls()
    controls.feed(site.get(page).content.decode())
    return {name: value for name, value in controls.sent.items() if name not in ("q", "csrfmiddlewaretoken", "action")}


def shown_field(site: Client, page: str) -> dict[str, Any]:
    """Load the page; return the one field that says what it showed, where there is something to change."""
    context = site.get(page).context
    form = context and context["adminform"].form
    return {"shown": form["shown"].value()} if form and "shown" in form.fields else {}
