"""Somebody who has heard of the address, and tries it: over a socket, or in process."""

import re
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import httpx
from django.test import Client

from tests.support.every_operation import new_user
from tests.support.provider import SHA1_COLON, Form
from tests.support.shop_users import API, PASSWORD

PEN = {"title": "Pen", "description": "Blue.", "price": "25.00", "currency": "USD"}
NEW = {"email": "new@example.com", "password": PASSWORD, "full_name": "New Comer"}
_keys = count(1)


class InProcess(httpx.BaseTransport):
    """Till in this very process and on the test's own connection, so that the test may roll back."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers)
        kind = headers.pop("content-type", "")
        address = request.url.raw_path.decode()
        answer = _client().generic(request.method, address, request.read(), content_type=kind, headers=headers)
        return httpx.Response(answer.status_code, headers=list(answer.items()), content=answer.getvalue())


@cache
def _client() -> Client:
    """One for all: each new one loads the middleware again."""
    return Client(raise_request_exception=False)


def in_process() -> httpx.Client:
    return httpx.Client(base_url="http://127.0.0.1", transport=InProcess())


class Visitor:
    """`requests` remembers each request, as `POST wallets` or `GET /docs`."""

    def __init__(self, client: httpx.Client, *, email: str = "", requests: list[str] | None = None) -> None:
        self.client = client
        self.requests: list[str] = [] if requests is None else requests
        self.headers: dict[str, str] = {}
        self.email = email
        if email:
            self.sign_in(email)

    def send(self, method: str, path: str, body: Any = None, *, key: str = "", **headers: str) -> httpx.Response:
        """Send it under a new Idempotency-Key unless one is given. A path is the API's unless it begins with /."""
        self.requests.append(f"{method} {path}")
        known = self.headers | {"Idempotency-Key": key or f"visit-{next(_keys)}"} | headers
        address = path if path.startswith(("/", "http")) else f"{API}/{path}"
        return self.client.request(method, address, json=body, headers=known)

    def ask(self, status: int, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """Send a request, assert the status, return the body."""
        answer = self.send(method, path, body, key=key)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        self.replayed = answer.headers.get("Idempotent-Replayed") == "true"
        return answer.json() if answer.content else None

    def refused(self, status: int, code: str, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        problem = self.ask(status, method, path, body, key=key)
        assert problem["code"] == code, problem
        return problem

    def listed(self, path: str) -> list[Any]:
        results: list[Any] = self.ask(200, "GET", path)["results"]
        return results

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        pair = self.ask(200, "POST", "auth/login", {"email": email, "password": password})
        self.headers = {"Authorization": f"Bearer {pair['access']}"}
        self.email = email

    def join(self, email: str) -> int:
        """Register, open the link, log in; return the new id."""
        registered = self.ask(
            201, "POST", "auth/register", {"email": email, "password": PASSWORD, "full_name": "New Comer"}
        )
        assert (registered["user"]["role"], registered["user"]["is_active"]) == ("user", False)
        self.refused(401, "invalid_credentials", "POST", "auth/login", {"email": email, "password": PASSWORD})
        self.ask(200, "GET", path_of(registered["activation_url"]))
        self.sign_in(email)
        return int(registered["user"]["id"])

    def wallet(self, currency: str) -> int:
        """The first of my wallets in the currency."""
        return int(self.listed(f"wallets?currency={currency}")[0]["id"])

    def holds(self, wallet: int) -> tuple[str, str]:
        """What the wallet holds, and what of it is held."""
        row = self.ask(200, "GET", f"wallets/{wallet}")
        return row["balance"], row["held"]


def path_of(url: str) -> str:
    """Without scheme and host: a link names the public address, whichever port the test's server has."""
    return re.sub(r"^https?://[^/]+/api/v1/", "", url)


class DemoTill:
    """Till with an admin, alice who has 100 dollars in her bill 77, and a pen for 25."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.client = in_process()
        self.alices = new_user("alice").pk
        new_user("staff", "admin")
        self.staff = self.visitor("staff@example.com")
        self.alice = self.visitor("alice@example.com")
        self.notify(SHA1_COLON, account_id=77, amount=100)
        self.pen = int(self.staff.ask(201, "POST", "products", PEN)["id"])
        self.requests.clear()

    def visitor(self, email: str = "") -> Visitor:
        return Visitor(self.client, email=email, requests=self.requests)

    def notify(self, form: Form, status: int = 200, *, secret: str = "", **fields: Any) -> Any:
        """What a payment provider sends."""
        notice = form.notice(secret=secret, **{"user_id": self.alices, **fields})
        self.requests.append(f"POST {notice.path}")
        answer = self.client.post(notice.path, content=notice.body, headers=notice.headers)
        assert answer.status_code == status, answer.text
        return answer.json()


# --- the rows of docs/coming-from.md ---
ACCOUNTS, SANIC = "A webhook and account service", "A Sanic service for accounts and payments"
BILLS, KEYS = "A shop with bills, specified for Sanic", "A shop with UUID keys"
WALLETS = "A FastAPI wallet service"

Equivalent = Callable[[DemoTill], None]
#: By service and what is done there: how it is done here.
EQUIVALENTS: dict[tuple[str, str], Equivalent] = {}


def equivalent_of(service: str, *theirs: str) -> Callable[[Equivalent], Equivalent]:
    """This is how these rows of the service are done here."""

    def note(equivalent: Equivalent) -> Equivalent:
        for there in theirs:
            assert (service, there) not in EQUIVALENTS
            EQUIVALENTS[service, there] = equivalent
        return equivalent

    return note
