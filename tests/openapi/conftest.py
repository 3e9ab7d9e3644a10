"""A Till that serves, for clients that are generated from its document."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from accounts.models import User
from config.docs_pages import schema_document
from tests.support.live import UncheckedTill
from tests.support.purchases import a_product
from tests.support.shop_users import sign_in


class GeneratedClientStage(NamedTuple):
    """Where Till is, who settles there (with the password of every test's user), and what is on sale for 25 dollars."""

    url: str
    service: str
    product: int


@pytest.fixture
def stage(committed_db: None, service: User) -> Iterator[GeneratedClientStage]:
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    sign_in(till, service)
    yield GeneratedClientStage(till.url, service.email, a_product().pk)
    till.stop()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document in a file, as generators take it."""
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(schema_document()))
    return path
