"""How a provider reaches Till: each contract test runs through every door."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from payments.models import Posting, Provider, Wallet, WebhookEvent
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.http import PLAIN
from tests.support.live import LiveTill, UncheckedTill
from tests.support.provider import FORMS, Delivery, Form


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def field(self) -> str | None:
        """The field that the problem names."""
        errors = self.body["errors"]
        return errors[0]["field"] if errors else None


Post = Callable[[Delivery], Answer]


@cache
def _client() -> Client:
    """One for all: each new one loads the middleware again."""
    return Client(raise_request_exception=False)


def in_process(delivery: Delivery) -> Answer:
    headers = dict(delivery.headers)
    content_type = headers.pop("content-type", "")
    response = _client().generic(
        delivery.method, delivery.path, delivery.body, content_type=content_type, headers=headers
    )
    return Answer(response.status_code, response.headers, response.content)


@pytest.fixture(scope="module")
def served_till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One served Till for all contract tests of a file: a start for each would take longer than the tests.

    It ends with the file: another file's test may need a database to which nobody is connected.
    """
    with django_db_blocker.unblock():
        # The mail of the tests is not its to send. A repeat may come to another worker.
        till = UncheckedTill(TILL_MAIL_ACTIVATION_LINK="0", TILL_WORKERS="2")
        till.start()
    yield till
    till.stop()


@pytest.fixture(params=["in process", "served"])
def post(request: pytest.FixtureRequest, committed_db: None, fresh_registry: None) -> Iterator[Post]:
    if request.param == "in process":
        yield in_process
        return
    till = request.getfixturevalue("served_till")
    with httpx.Client(base_url=till.url, timeout=30, verify=PLAIN) as client:

        def over_http(delivery: Delivery) -> Answer:
            response = client.request(delivery.method, delivery.path, content=delivery.body, headers=delivery.headers)
            return Answer(response.status_code, response.headers, response.content)

        yield over_http


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """What a test changed about a provider is forgotten by this process."""
    provider_cache.invalidate()
    yield
    provider_cache.invalidate()


@pytest.fixture(params=FORMS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


@dataclass(frozen=True)
class Stored:
    """How much there is of what a webhook can leave behind."""

    wallets: int
    postings: int
    events: int
    balances: Decimal


def stored() -> Stored:
    wallets = Wallet.objects.filter(owner__isnull=False)
    return Stored(
        wallets=wallets.count(),
        postings=Posting.objects.count(),
        events=WebhookEvent.objects.count(),
        balances=sum(wallets.values_list("balance", flat=True), Decimal(0)),
    )


@pytest.fixture
def unmoved(post: Post) -> Iterator[Callable[[], Stored]]:
    """Nothing may be stored in this test; calling it tells how much there is now."""
    before = stored()
    yield stored
    assert stored() == before


@pytest.fixture
def changed(committed_db: None) -> Iterator[Callable[..., Provider]]:
    """Change a provider as staff does; afterwards it is as it was."""
    before = list(Provider.objects.all())

    def change(slug: str, **fields: Any) -> Provider:
        provider = Provider.objects.get(slug=slug)
        for name, value in fields.items():
            setattr(provider, name, value)
        provider.save()
        return provider

    yield change
    for provider in before:
        provider.save()
