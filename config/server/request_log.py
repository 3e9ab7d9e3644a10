"""Request ids, one line for each request, and the formats of log lines. Secrets are masked in every line."""

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.security_log import known_user_id
from config.server import metrics
from payments.webhooks import addresses

logger = logging.getLogger("till.access")

request_id: ContextVar[str] = ContextVar("request_id", default="")

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
WEBHOOK_PATHS = (*addresses.FIXED_PATHS.values(), addresses.PREFIX)
QUIET_PATHS = ("/health/", "/metrics", "/static/")
#: No longer path is masked or written; what is cut off is marked.
MAX_PATH = 500
CUT = "…"
# Lines hold what strangers wrote: each alternative begins at fixed characters and never looks at a character twice.
SECRETS = re.compile(
    r"(?P<path>/auth/(?:activate|password/reset|email)/)[^\s/?#\"']++"
    r"|(?P<bearer>\b[Bb]earer\s++)\S++"
    r"|(?P<key>\btill_[0-9A-Za-z]{1,20}+_)[0-9A-Za-z]++"
    r"|(?P<jwt>\beyJ)[\w-]{5,}+(?:\.[\w-]*+){0,2}"
    r"|(?P<url>://[^\s:/@]*+:)[^\s/@…]++(?=[@…])"
)
SECRET_NAME = re.compile(
    r"password|passwd|secret|token|authorization|cookie|signature|credential|private_?key|api_?key",
    re.IGNORECASE,
)
#: Characters that forge a line, move a terminal's cursor or turn the direction of writing.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
STANDARD_FIELDS = {
    *vars(logging.makeLogRecord({})),
    "message",
    "asctime",
    "request",
    "server_time",
    "taskName",
    "color_message",  # of uvicorn: the same once more, for a terminal
}


class Masked(str):
    """Text without secrets and control characters: no formatter looks at it again."""

    __slots__ = ()


class RequestLogMiddleware:
    """Gives a request its id, times it, and writes one line.

    Webhooks and health checks that went well are counted, not written: they are most of the traffic.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with identified(request.headers.get("X-Request-ID", "")) as identity:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = identity
            route = request.resolver_match.route if request.resolver_match else "unmatched"
            seconds = time.perf_counter() - started
            report(
                request.method or "",
                request.path,
                route,
                response.status_code,
                seconds,
                known_user_id(request),
            )
            return response


def sane_request_id(offered: str) -> str:
    """Keep the caller's id when it is harmless in logs and headers, else make one."""
    if offered and SANE_REQUEST_ID.fullmatch(offered):
        return offered
    return random.randbytes(16).hex()  # noqa: S311  unique, not secret


@contextmanager
def identified(offered: str) -> Iterator[str]:
    """Give every line in the block a request id: the caller's if it is sane."""
    identity = sane_request_id(offered)
    token = request_id.set(identity)
    try:
        yield identity
    finally:
        request_id.reset(token)


def report(method: str, path: str, route: str, status: int, seconds: float, user_id: int | None = None) -> None:
    """Count a request that was answered, and write its line unless it is one of the many that went well."""
    webhook = path.startswith(WEBHOOK_PATHS)
    if not webhook:
        metrics.observe(method, route, status, seconds)
    if status < 500 and (webhook or path.startswith(QUIET_PATHS)):
        return
    path = clean(path if len(path) <= MAX_PATH else path[:MAX_PATH] + CUT)
    fields = {
        "method": clean(method),
        "path": path,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "user_id": user_id,
    }
    level = logging.INFO if status < 500 else logging.WARNING
    logger.log(level, Masked(f"{fields['method']} {path} {status}"), extra=fields)


def masked(text: str) -> str:
    """Hide the tokens of links, bearer tokens, API keys, JSON web tokens and passwords in URLs."""
    named = ("path", "bearer", "key", "url")
    return SECRETS.sub(lambda match: "".join(part or "" for part in match.group(*named)) + "***", text)


def clean(text: str) -> Masked:
    """Hide secrets and write control characters as their escapes. Linear in the length; a second time it is free."""
    if isinstance(text, Masked):
        return text
    return Masked(CONTROL.sub(_escaped, masked(text)))


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()


def clean_message(record: logging.LogRecord) -> str:
    return clean(record.msg if isinstance(record.msg, Masked) and not record.args else record.getMessage())


def clean_traceback(text: str) -> str:
    """As `clean`, but its lines stay lines."""
    return "\n".join(clean(line) for line in text.split("\n"))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller put in `extra`, plain values only, secrets by name masked."""
    fields = {name: value for name, value in vars(record).items() if name not in STANDARD_FIELDS}
    return {
        name: "***" if SECRET_NAME.search(name) else clean(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if isinstance(value, (str, int, float, bool)) or value is None
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line; a newline inside a value cannot begin a forged line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            **_fields(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": clean_message(record),
            "request_id": request_id.get() or None,
        }
        if record.exc_info:
            line["traceback"] = clean_traceback(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


class TextFormatter(logging.Formatter):
    """For a developer's terminal: time, level, message, the beginning of the request id."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        duration = getattr(record, "duration_ms", None)
        tail = f" {duration} ms" if duration is not None else ""
        line = f"{moment} {record.levelname:<7} {clean_message(record)}{tail} [{request_id.get()[:8] or record.name}]"
        if record.exc_info:
            line += "\n" + clean_traceback(self.formatException(record.exc_info))
        return line
