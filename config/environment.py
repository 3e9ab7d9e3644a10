"""Readers of environment variables that refuse what they do not understand.

An empty variable counts as unset, so that a compose file may hand through what the operator left out.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
POSTGRESQL_SCHEMES = {"postgres", "postgresql"}
_DATABASE_KEYS = {"ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"}
CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,9}")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?P<any>\*\.)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class BadVariable(SystemExit):
    """Ends the process: an operator sees one line that names the variable, and no traceback."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name} must be {expected}.")


class Environment:
    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str) -> str:
        return self._variables.get(name, "").strip() or default

    def number(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """A whole number; outside of the limits it would stop the service, or take a protection away."""
        value = self.text(name, str(default))
        if re.fullmatch(r"-?[0-9]{1,10}", value) and minimum <= int(value) <= maximum:
            return int(value)
        raise BadVariable(name, f"a whole number from {minimum} to {maximum}")

    def seconds(self, name: str, default: int, *, minimum: int, maximum: int) -> timedelta:
        return timedelta(seconds=self.number(name, default, minimum=minimum, maximum=maximum))

    def amount(self, name: str, default: str) -> str:
        """A positive decimal that the ledger's numeric(38,10) can hold, as it was written."""
        return self._amount(name, self.text(name, default))

    def _amount(self, name: str, value: str) -> str:
        try:
            fits = 0 < Decimal(value) < Decimal(10) ** 28
        except InvalidOperation:
            fits = False
        if not fits:
            raise BadVariable(name, "a positive decimal below 10^28")
        return value

    def amounts(self, name: str) -> dict[str, str]:
        """Positive decimals by currency, written USD:1000,EUR:900.50."""
        pairs = [part.partition(":") for part in self.names(name, [])]
        amounts = {code.strip(): amount.strip() for code, _, amount in pairs}
        if len(amounts) < len(pairs) or not all(CURRENCY.fullmatch(code) and amounts[code] for code in amounts):
            raise BadVariable(name, "currencies and amounts such as USD:1000,EUR:900.50")
        for amount in amounts.values():
            self._amount(name, amount)
        return amounts

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value not in TRUE | FALSE:
            raise BadVariable(name, "1 or 0 (or true, false, yes, no, on, off)")
        return value in TRUE

    def token(self, name: str) -> str:
        """A token that a machine sends to be let in. Empty: there is none."""
        value = self.text(name, "")
        if value and not re.fullmatch(r"[!-~]{16,256}", value):  # never the value itself
            raise BadVariable(name, "16 to 256 letters, digits and signs without a space, or unset")
        return value

    def names(self, name: str, default: list[str]) -> list[str]:
        """The parts of a list separated by commas, without the spaces around them."""
        parts = [part.strip() for part in self.text(name, "").split(",")]
        return [part for part in parts if part] or default

    def networks(self, name: str, default: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """Networks as 10.1.0.0/16 and fd12::/32 write them, or single addresses."""
        try:
            return [ipaddress.ip_network(part) for part in self.names(name, default)]
        except ValueError:
            raise BadVariable(name, "networks such as 10.1.0.0/16,fd12::/32, without bits of a host") from None

    def origins(self, name: str, *, wildcards: bool = False) -> list[str]:
        """What browsers send as Origin: a scheme, a host, perhaps a port; with `wildcards` also https://*.host."""
        origins = [part.lower() for part in self.names(name, [])]
        matches = [ORIGIN.fullmatch(origin) for origin in origins]
        if not all(match and (wildcards or not match["any"]) for match in matches):
            raise BadVariable(name, "origins such as https://staff.example.com, with commas between and no path")
        return origins

    def currency(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not CURRENCY.fullmatch(value):
            raise BadVariable(name, "a currency's code such as USD: 3 to 10 capital letters or digits")
        return value

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise BadVariable(name, f"one of {', '.join(choices)}")
        return value

    def choices(self, name: str, default: str, choices: tuple[str, ...]) -> frozenset[str]:
        """Some of the choices, with commas between; `all` is each of them, and an empty text none."""
        values = {part.strip() for part in self.text(name, default).split(",")} - {""}
        if not values <= {*choices, "all"}:
            raise BadVariable(name, f"names with commas between, of {', '.join(choices)}, or all")
        return frozenset(choices if "all" in values else values)

    def rate(self, name: str, default: str) -> str:
        """How often a request is allowed, as in 300/min."""
        value = self.text(name, default)
        if not re.fullmatch(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", value):
            raise BadVariable(name, "a number and a period, such as 300/min")
        return value

    def database(self, name: str) -> dict[str, Any]:
        """Django's settings of the PostgreSQL at the address in `name`; empty when it names none."""
        url = self.text(name, "")
        if not url:
            return {}
        try:
            known = urlsplit(url).scheme in POSTGRESQL_SCHEMES
            parts = dict(environ.Env.db_url_config(url)) if known else {}
        except ValueError:
            parts = {}
        if not parts.get("NAME"):
            # Never the value itself: it holds a password.
            raise BadVariable(name, "postgres://user:password@host:port/database")
        self._check_parameters(name, parts)
        parts["HOST"] = unquote(parts.get("HOST") or "")  # a socket's folder stands there as %2Fvar%2Frun
        return parts

    def _check_parameters(self, name: str, parts: dict[str, Any]) -> None:
        """Refuse what the driver does not know, such as Django's own settings: the pool would not start with some."""
        parameters = {**parts.get("OPTIONS", {}), **{key: "" for key in parts if key not in _DATABASE_KEYS}}
        for key, value in parameters.items():
            try:
                make_conninfo(**{key.lower(): value})
            except ProgrammingError:
                known = "with parameters of PostgreSQL's only, such as ?sslmode=verify-full"
                raise BadVariable(name, f"an address {known}: {key.lower()!r} is none") from None

    def mail(self, name: str, default: str) -> dict[str, Any]:
        """Django's EMAIL_… settings for an address such as smtp+tls://user:password@host:587."""
        url = self.text(name, default)
        try:
            known = urlsplit(url).scheme in environ.Env.EMAIL_SCHEMES
            parts = dict(environ.Env.email_url_config(url)) if known else {}
        except ValueError:
            parts = {}
        if not parts or (url.startswith("smtp") and not parts["EMAIL_HOST"]):
            # Never the value itself: it holds a password.
            raise BadVariable(name, "a mail address such as smtp+tls://user:password@host:587 or consolemail://")
        return parts
