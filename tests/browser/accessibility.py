"""axe-core in the page that the browser shows: what it holds for serious, and is ours."""

from importlib.resources import files
from typing import Any

from tests.browser.conftest import Browser

SERIOUS = ("serious", "critical")
#: Fields that complete are made by the library that Django brings. That a picture is a label is good enough.
_RUN = """
const done = arguments[arguments.length - 1];
axe.run({exclude: [[".select2-container"]]}, {resultTypes: ["violations"], ...arguments[0]}).then(
    results => done(results.violations.map(fault => (
        {id: fault.id, impact: fault.impact, where: fault.nodes.map(node => `${node.target}: ${node.html}`)}
    ))),
    error => done([{id: String(error), impact: "critical", where: ["axe"]}]));
"""
_SET_THEME = """
const sheet = new CSSStyleSheet();
sheet.replaceSync("* { transition: none !important; }");
document.adoptedStyleSheets = [sheet];
document.documentElement.dataset.theme = arguments[0];
"""
_ALL_RULES = {"rules": {"label-title-only": {"enabled": False}}}
_COLOURS = {"runOnly": ["color-contrast"]}


def serious_faults(browser: Browser) -> list[str]:
    """Return the faults of the page: all of them in the light theme, those of its colours in the dark one."""
    browser.driver.execute_script((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    return [*_faults(browser, "light", _ALL_RULES), *_faults(browser, "dark", _COLOURS)]


def _faults(browser: Browser, theme: str, options: dict[str, Any]) -> list[str]:
    set_theme(browser, theme)
    faults: list[dict[str, Any]] = browser.driver.execute_async_script(_RUN, options)
    serious = [fault for fault in faults if fault["impact"] in SERIOUS]
    return [f"{theme}: {fault['id']} at {where}" for fault in serious for where in fault["where"]]


def set_theme(browser: Browser, theme: str) -> None:
    """Show the page in the theme at once: colours that are on their way would be measured."""
    browser.driver.execute_script(_SET_THEME, theme)
