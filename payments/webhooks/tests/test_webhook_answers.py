"""A webhook's answer is written in two ways, for Django and for the event loop, and says the same."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import DECIMAL_PLACES, MAX_AMOUNT
from payments.webhooks.receiving import Credited, Notice
from payments.webhooks.receiving.provider_cache import CachedProvider
from payments.webhooks.serializers.notices import answer, answer_in_json

AMOUNTS = st.decimals(0, MAX_AMOUNT, places=DECIMAL_PLACES) | st.decimals(0, 1000, places=2)


def credited(external_id: str, amount: Decimal, balance: Decimal, *, duplicate: bool, places: int = 2) -> Credited:
    provider = CachedProvider(1, "any", "sha256_concat", ("secret",), "USD", places, False, MAX_AMOUNT, "now")
    return Credited(Notice(provider, external_id, 1, 77, amount), 5, balance, duplicate)


@given(
    external_id=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128),
    amount=AMOUNTS,
    balance=AMOUNTS,
    duplicate=st.booleans(),
    places=st.integers(0, DECIMAL_PLACES),
)
def test_both_ways_agree_to_the_byte(
    external_id: str, amount: Decimal, balance: Decimal, duplicate: bool, places: int
) -> None:
    outcome = credited(external_id, amount, balance, duplicate=duplicate, places=places)
    assert answer_in_json(outcome) == json.dumps(answer(outcome)).encode()


@pytest.mark.parametrize("external_id", ['"', "\\", '"}', "\\u0041", "</script>"])
def test_an_id_cannot_write_into_the_answer(external_id: str) -> None:
    outcome = credited(external_id, Decimal("1.00"), Decimal("1.00"), duplicate=False)
    assert json.loads(answer_in_json(outcome))["transaction_id"] == external_id
