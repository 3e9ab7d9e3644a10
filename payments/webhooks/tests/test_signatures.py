"""Signatures by themselves: the published samples verify, and nothing else does."""

import base64
import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from payments.webhooks.notices import ParsedNotice
from payments.webhooks.signatures import (
    TOLERANCE_SECONDS,
    sha1_colon,
    sha256_concat,
    standard_key,
    standard_webhooks,
    verify,
)
from tests.support.provider import standard_signature

UUID = "5eae174f-7cd0-472c-bd36-35660f00132b"
SECRETS = {"sha1_colon": "appkey", "sha256_concat": "gfdmhghif38yrf9ew0jkf32"}
STANDARD_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
STANDARD_BODY = b'{"transaction_id":"5eae174f-7cd0-472c-bd36-35660f00132b","user_id":1,"account_id":1,"amount":100}'
MESSAGE_ID, SENT_AT = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1674087231
STANDARD_SIGNATURE = "v1,Zxn4Fc84YwBFNZ5DpF2m+XQrBcob1mhTNWWjB8506+4="


def notice(
    transaction_id: str, user_id: str, account_id: str, amount: str, *, signature: object = None
) -> ParsedNotice:
    return ParsedNotice(transaction_id, user_id, account_id, amount, signature=signature, numbered=False)


SHA1 = notice("1234567", "1", "123456", "100", signature="70e224ace9d3859aca84ffb88edf593acec92dbb")
SHA256 = notice(UUID, "1", "1", "100", signature="7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8")
SHA256_POINT = notice(
    UUID, "1", "1", "100.00", signature="1a8de2bb47c39c0b82816bd0dba196b4ba1a34743b4a2b5cd8b7b62623aa1515"
)
PUBLISHED = [("sha1_colon", SHA1), ("sha256_concat", SHA256), ("sha256_concat", SHA256_POINT)]


def holds(signed: ParsedNotice, scheme: str, *secrets: str) -> bool:
    return verify(signed, {}, b"", scheme=scheme, secrets=secrets, now=0)


@pytest.mark.parametrize(("scheme", "sample"), PUBLISHED)
def test_the_published_samples_verify(scheme: str, sample: ParsedNotice) -> None:
    assert holds(sample, scheme, SECRETS[scheme])


@pytest.mark.parametrize(("scheme", "sample"), PUBLISHED)
@pytest.mark.parametrize("name", ["transaction_id", "user_id", "account_id", "amount"])
def test_a_change_of_any_field_is_noticed(scheme: str, sample: ParsedNotice, name: str) -> None:
    changed: dict[str, Any] = {name: getattr(sample, name) + "0"}
    assert not holds(sample._replace(**changed), scheme, SECRETS[scheme])


@pytest.mark.parametrize(("scheme", "sample"), PUBLISHED)
def test_either_of_two_secrets_will_do_while_one_replaces_the_other(scheme: str, sample: ParsedNotice) -> None:
    assert holds(sample, scheme, "new", SECRETS[scheme])
    assert holds(sample, scheme, SECRETS[scheme], "old")
    assert not holds(sample, scheme, "new", "old")
    assert not holds(sample, scheme)


@pytest.mark.parametrize("signature", [None, 7, 1.5, True, [], {}, "", "ü" * 40, "\ud800", b"bytes"])
@pytest.mark.parametrize(("scheme", "sample"), PUBLISHED)
def test_what_is_no_signature_is_not_an_error(scheme: str, sample: ParsedNotice, signature: object) -> None:
    assert not holds(sample._replace(signature=signature), scheme, SECRETS[scheme])


def test_the_glued_scheme_cannot_tell_shifted_digits_apart() -> None:
    """The weakness that docs/webhooks.md warns of: one transaction id is credited once, whatever it says later."""
    assert sha256_concat(notice(UUID, "1", "1", "1100"), "s") == sha256_concat(notice(UUID, "1", "11", "100"), "s")
    assert sha1_colon(notice("7", "1", "1", "1100"), "s") != sha1_colon(notice("7", "1", "11", "100"), "s")


# --- Standard Webhooks --------------------------------------------------------------------------------------


def standard(**changed: str) -> dict[str, str]:
    headers = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(SENT_AT), "webhook-signature": STANDARD_SIGNATURE}
    return headers | {name.replace("_", "-"): value for name, value in changed.items()}


def standard_holds(
    headers: dict[str, str], *, body: bytes = STANDARD_BODY, secret: str = STANDARD_SECRET, now: float = SENT_AT
) -> bool:
    unsigned = notice(UUID, "1", "1", "100")
    return verify(unsigned, headers, body, scheme="standard_webhooks", secrets=[secret], now=now)


def test_the_standard_sample_verifies() -> None:
    assert standard_holds(standard())


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS, -1, 0, 1, TOLERANCE_SECONDS])
def test_a_standard_webhook_may_be_five_minutes_old_or_early(seconds: int) -> None:
    assert standard_holds(standard(), now=SENT_AT + seconds)


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 10**9])
def test_a_standard_webhook_may_not_be_older_or_earlier(seconds: int) -> None:
    assert not standard_holds(standard(), now=SENT_AT + seconds)


def test_one_of_several_signatures_is_enough() -> None:
    assert standard_holds(standard(webhook_signature=f"v1,AAAA {STANDARD_SIGNATURE}"))
    assert standard_holds(standard(webhook_signature=f"v1a,xyz {STANDARD_SIGNATURE} v1,BBBB"))
    assert not standard_holds(standard(webhook_signature="v1,AAAA v1,BBBB"))


def test_no_more_than_eight_signatures_are_looked_at() -> None:
    assert not standard_holds(standard(webhook_signature="v1,AAAA " * 8 + STANDARD_SIGNATURE))


MALFORMED: list[Mapping[str, str]] = [
    {"webhook_id": ""},
    {"webhook_id": "another"},
    {"webhook_id": "é"},
    *({"webhook_timestamp": text} for text in ("", "now", "-1", "1e9", "1674087231.0", " 1674087231", "9" * 400)),
    {"webhook_timestamp": "\u0661\u0666\u0667"},
    {"webhook_signature": ""},
    {"webhook_signature": STANDARD_SIGNATURE.removeprefix("v1,")},
    {"webhook_signature": STANDARD_SIGNATURE.replace("v1", "v2")},
    {"webhook_signature": STANDARD_SIGNATURE.replace("v1,", "v1,v1,")},
    {"webhook_signature": STANDARD_SIGNATURE.replace(" ", ",")[:-1]},
    {"webhook_signature": "v1,подпись"},
    {"webhook_signature": ", , ,"},
]


@pytest.mark.parametrize("changed", MALFORMED, ids=str)
def test_malformed_headers_are_no_signature_and_no_error(changed: Mapping[str, str]) -> None:
    assert not standard_holds(standard(**changed))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    assert not standard_holds({key: value for key, value in standard().items() if key != name})


def test_every_byte_of_the_body_is_signed() -> None:
    assert not standard_holds(standard(), body=STANDARD_BODY + b" ")


@given(
    message=st.text("abcdef0123456789_", min_size=1, max_size=40),
    body=st.text(max_size=200),
    key=st.binary(min_size=24),
)
def test_our_signature_agrees_with_the_reference_library(message: str, body: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    now = datetime.datetime.now(datetime.UTC)
    seconds = str(int(now.timestamp()))
    ours = standard_webhooks(message_id=message, timestamp=seconds, body=body.encode(), secret=secret)
    assert f"v1,{ours}" == Webhook(secret).sign(msg_id=message, timestamp=now, data=body)
    assert ours == standard_signature(message, seconds, body.encode(), secret)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "whsec_AAA", "whsec_ключ", ""])
def test_a_secret_that_is_none_is_named_when_it_is_set_and_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match=r"Standard Webhooks secret|base64|ASCII"):
        standard_key(secret)
    assert not standard_holds(standard(), secret=secret)
