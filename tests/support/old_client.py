"""A client of one of five other services. It knows nothing of Till but where it is, and reads numbers exactly."""

import json
from decimal import Decimal
from typing import Any

import httpx

from tests.support.provider import Form


class OldClient:
    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.headers: dict[str, str] = {}

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = self.headers | options.pop("headers", {})
        return self.client.request(method, path, json=body, headers=headers, **options)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request that must go well, and return its body."""
        answer = self.send(method, path, body, **options)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return json.loads(answer.text, parse_float=Decimal)

    def refused(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.send(method, path, body, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()

    def use(self, token: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}

    def notify(self, form: Form, **fields: Any) -> None:
        """What the payment provider of the old service sends."""
        notice = form.notice(**fields)
        answer = self.client.post(notice.path, content=notice.body, headers=notice.headers)
        assert answer.is_success, answer.text
