"""Deliveries of events are verified; notices are signed in every scheme. Others' libraries agree with both."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import standardwebhooks
import stripe

from till_client import InvalidSignature, UnexpectedAnswer, construct_event, sign_notice
from till_client.webhooks import sign_message

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 bytes").decode()
NOW = 1_800_000_000
BODY = json.dumps(
    {
        "id": "evt_17",
        "position": 17,
        "type": "wallet.credited",
        "timestamp": "2027-01-15T08:00:00Z",
        "data": {"wallet": 1000000000000001, "amount": "25.00"},
    }
).encode()


def delivery(*secrets: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    signatures = [sign_message(secret, message_id="evt_17", timestamp=at, body=body) for secret in secrets]
    return {"Webhook-Id": "evt_17", "Webhook-Timestamp": str(at), "Webhook-Signature": " ".join(signatures)}


def test_an_authentic_delivery_is_an_event() -> None:
    event = construct_event(BODY, delivery(SECRET), SECRET, now=NOW)
    assert (event.id, event.position, event.type) == ("evt_17", 17, "wallet.credited")
    assert event.timestamp == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert event.data == {"wallet": 1000000000000001, "amount": "25.00"}


def test_after_a_rotation_each_of_the_secrets_will_do() -> None:
    headers = delivery(OTHER, SECRET)
    assert construct_event(BODY, headers, SECRET, now=NOW) == construct_event(BODY, headers, OTHER, now=NOW)
    assert construct_event(BODY, delivery(SECRET), [OTHER, SECRET], now=NOW).id == "evt_17"


def test_names_of_headers_have_no_case() -> None:
    headers = {name.lower(): value for name, value in delivery(SECRET).items()}
    assert construct_event(BODY.decode(), headers, SECRET, now=NOW).id == "evt_17"


@pytest.mark.parametrize("late", [-301, 301])
def test_an_old_delivery_is_refused(late: int) -> None:
    with pytest.raises(InvalidSignature):
        construct_event(BODY, delivery(SECRET), SECRET, now=NOW + late)


@pytest.mark.parametrize("late", [-300, 300])
def test_clocks_may_differ_by_the_tolerance(late: int) -> None:
    assert construct_event(BODY, delivery(SECRET), SECRET, now=NOW + late).position == 17


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "evt_18"},
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": str(NOW + 1)},
        {"Webhook-Timestamp": f"+{NOW}"},
        {"Webhook-Timestamp": "".join(chr(0x660 + int(digit)) for digit in str(NOW))},
        {"Webhook-Timestamp": "9" * 5000},
        {"Webhook-Timestamp": ""},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v2," + "A" * 43 + "="},
        {"Webhook-Signature": "é \ud800"},
        {"Webhook-Signature": "v1," * 100_000},
    ],
)
def test_a_changed_header_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        construct_event(BODY, delivery(SECRET) | change, SECRET, now=NOW)


def test_a_changed_body_and_another_secret_are_refused() -> None:
    with pytest.raises(InvalidSignature):
        construct_event(BODY + b" ", delivery(SECRET), SECRET, now=NOW)
    with pytest.raises(InvalidSignature):
        construct_event(BODY, delivery(OTHER), SECRET, now=NOW)
    with pytest.raises(InvalidSignature):
        construct_event(BODY, {}, SECRET, now=NOW)
    with pytest.raises(InvalidSignature):
        construct_event(BODY, delivery(SECRET), [], now=NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_A", ""])
def test_a_secret_that_is_none_is_said_to_be_none(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        construct_event(BODY, delivery(SECRET), secret, now=NOW)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_signed_and_no_event_is_named(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        construct_event(body, delivery(SECRET, body=body), SECRET, now=NOW)


# --- notices ------------------------------------------------------------------------------------------------------


def body_of(*arguments: Any, **settings: Any) -> Any:
    return json.loads(sign_notice(*arguments, **settings).body, parse_float=Decimal)


def test_the_published_samples_have_their_signatures() -> None:
    notice = {"transaction_id": "5eae174f-7cd0-472c-bd36-35660f00132b", "user_id": 1, "account_id": 1}

    def sign(amount: Any) -> Any:
        return body_of("sha256_concat", "gfdmhghif38yrf9ew0jkf32", {**notice, "amount": amount})["signature"]

    assert sign(100) == "7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8"
    assert sign(Decimal("100.00")) == "1a8de2bb47c39c0b82816bd0dba196b4ba1a34743b4a2b5cd8b7b62623aa1515"
    colon = {"transaction_id": 1234567, "user_id": 1, "bill_id": 123456, "amount": 100}
    assert body_of("sha1_colon", "appkey", colon)["signature"] == "70e224ace9d3859aca84ffb88edf593acec92dbb"


def test_a_decimal_is_written_as_it_is() -> None:
    signed = sign_notice("standard_webhooks", SECRET, {"amount": Decimal("100.00"), "text": Decimal("1E-8")})
    assert signed.body == b'{"amount": 100.00, "text": 0.00000001}'


def test_a_float_is_no_amount() -> None:
    with pytest.raises(TypeError):
        sign_notice("stripe", "whsec_x", {"amount": 1.5})


def test_the_specifications_own_library_takes_a_notice() -> None:
    signed = sign_notice("standard_webhooks", SECRET, {"amount": 100})
    standardwebhooks.Webhook(SECRET).verify(signed.body, dict(signed.headers))


def test_stripes_own_library_takes_a_notice() -> None:
    signed = sign_notice("stripe", "whsec_abc", {"id": "evt_1", "object": "event", "type": "charge.succeeded"})
    event = stripe.Webhook.construct_event(signed.body, signed.headers["Stripe-Signature"], "whsec_abc")
    assert event.id == "evt_1"


def test_a_signed_body_has_its_signature_where_the_provider_puts_it() -> None:
    settings: dict[str, Any] = {"algorithm": "sha512", "encoding": "base64", "prefix": "sha512="}
    signed = sign_notice("hmac_body", "key", {"a": 1}, header="X-Paystack-Signature", **settings)
    expected = base64.b64encode(hmac.new(b"key", signed.body, hashlib.sha512).digest()).decode()
    assert signed.headers["X-Paystack-Signature"] == f"sha512={expected}"
    plain = sign_notice("hmac_body", "key", {"a": 1})
    assert plain.headers["X-Signature"] == hmac.new(b"key", plain.body, "sha256").hexdigest()
