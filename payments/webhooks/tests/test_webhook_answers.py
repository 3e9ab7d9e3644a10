"""A webhook's answer is the same from Django and from the event loop."""

import json
from decimal import Decimal

import pytest
from django.http import JsonResponse
from hypothesis import given
from hypothesis import strategies as st

from config.server.webhook_endpoint import answer_to
from payments.money import DECIMAL_PLACES, MAX_AMOUNT
from payments.webhooks.receiving import Credited, Notice
from payments.webhooks.receiving.provider_cache import CachedProvider
from payments.webhooks.serializers.notices import answer

AMOUNTS = st.decimals(0, MAX_AMOUNT, places=DECIMAL_PLACES) | st.decimals(0, 1000, places=2)


def credited(external_id: str, amount: Decimal, balance: Decimal, *, duplicate: bool, places: int = 2) -> Credited:
    provider = CachedProvider(1, "any", "sha256_concat", ("secret",), "USD", places, False, MAX_AMOUNT, "now")
    return Credited(Notice(provider, external_id, 1, 77, amount), 5, balance, duplicate, 77)


@given(
    external_id=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128),
    amount=AMOUNTS,
    balance=AMOUNTS,
    duplicate=st.booleans(),
    places=st.integers(0, DECIMAL_PLACES),
)
def test_both_paths_answer_the_same_bytes(
    external_id: str, amount: Decimal, balance: Decimal, duplicate: bool, places: int
) -> None:
    outcome = credited(external_id, amount, balance, duplicate=duplicate, places=places)
    assert answer_to(outcome) == JsonResponse(answer(outcome)).content


@pytest.mark.parametrize("external_id", ['"', "\\", '"}', "\\u0041", "</script>"])
def test_an_id_cannot_write_into_the_answer(external_id: str) -> None:
    outcome = credited(external_id, Decimal("1.00"), Decimal("1.00"), duplicate=False)
    body = answer_to(outcome)
    assert isinstance(body, bytes)
    assert json.loads(body)["transaction_id"] == external_id
