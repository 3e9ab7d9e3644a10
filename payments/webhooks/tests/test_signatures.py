"""Signatures by themselves: the published samples verify, and nothing else does."""

import base64
import datetime
import time
from collections.abc import Mapping
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from payments.webhooks.notices import ParsedNotice
from payments.webhooks.signatures import (
    TOLERANCE_SECONDS,
    HmacOptions,
    hmac_body,
    sha1_colon,
    sha256_concat,
    standard_key,
    standard_webhooks,
    verify,
)
from payments.webhooks.signatures import stripe as stripe_signature
from tests.support.documents import STRIPE_SECRET, base64_hmac, stripe_header
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


# --- Stripe -------------------------------------------------------------------------------------------------

EVENT = b'{"id": "evt_1", "object": "event", "type": "payment_intent.succeeded"}'


def is_stripes(
    header: str, *, body: bytes = EVENT, now: float = SENT_AT, secrets: tuple[str, ...] = (STRIPE_SECRET,)
) -> bool:
    return verify(None, {"stripe-signature": header}, body, scheme="stripe", secrets=secrets, now=now)


def test_what_stripes_own_library_signs_is_verified() -> None:
    signed = f"{SENT_AT}.{EVENT.decode()}"
    signature = stripe.WebhookSignature._compute_signature(signed, STRIPE_SECRET)
    assert is_stripes(f"t={SENT_AT},v1={signature}")


def test_what_is_signed_here_stripes_own_library_verifies() -> None:
    now = int(time.time())
    header = f"t={now},v1={stripe_signature(timestamp=str(now), body=EVENT, secret=STRIPE_SECRET)}"
    event = stripe.Webhook.construct_event(EVENT, header, STRIPE_SECRET)
    assert event.id == "evt_1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(EVENT + b" ", header, STRIPE_SECRET)


def test_stripe_may_send_several_signatures_during_a_rotation() -> None:
    good = stripe_header(EVENT, now=SENT_AT).partition("v1=")[2]
    for others in ("v1=00,", "v0=aa,v1=00,v1=11,"):
        assert is_stripes(f"t={SENT_AT},{others}v1={good}")
    assert not is_stripes(f"t={SENT_AT},{'v1=00,' * 8}v1={good}")
    assert is_stripes(stripe_header(EVENT, now=SENT_AT), secrets=("whsec_new", STRIPE_SECRET))


def test_a_signature_of_stripes_is_over_time_and_body() -> None:
    header = stripe_header(EVENT, now=SENT_AT)
    assert is_stripes(header)
    assert not is_stripes(header, body=EVENT + b" ")
    assert not is_stripes(header.replace(str(SENT_AT), str(SENT_AT + 1)))
    assert not is_stripes(header, secrets=(STRIPE_SECRET.removeprefix("whsec_"),))
    for seconds in (-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1):
        assert not is_stripes(header, now=SENT_AT + seconds)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda _: "t=",
        lambda header: header.partition(",")[0],
        lambda header: header.partition(",")[2],
        lambda header: f"{header},t={SENT_AT}",
        lambda header: header.replace("v1=", "v2="),
        lambda header: header.replace("t=", "t=+"),
        lambda header: header.replace("t=", "t=0000000000000"),
        lambda header: header.replace("t=", "t=²"),
        lambda header: header.replace("v1=", "v1=é"),
        lambda header: header.upper(),
    ],
)
def test_a_malformed_header_of_stripes_signs_nothing(change: Any) -> None:
    assert not is_stripes(change(stripe_header(EVENT, now=SENT_AT)))


# --- HMAC over the body -------------------------------------------------------------------------------------

OPTIONS = [
    HmacOptions("x-signature", algorithm, encoding, prefix)
    for algorithm in ("sha256", "sha512")
    for encoding in ("hex", "base64")
    for prefix in ("", "sha256=")
]


def is_hmac(options: HmacOptions, value: str, *, body: bytes = EVENT, secret: str = "a shared secret") -> bool:
    headers = {options.header: value}
    return verify(None, headers, body, scheme="hmac_body", secrets=(secret,), now=0, options=options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_an_hmac_is_over_the_raw_body(options: HmacOptions) -> None:
    signature = hmac_body(body=EVENT, secret="a shared secret", options=options)
    if options.encoding == "base64":
        assert signature == options.prefix + base64_hmac(EVENT, "a shared secret", options.algorithm)
    assert is_hmac(options, signature)
    assert not is_hmac(options, signature, body=EVENT + b"\n")
    assert not is_hmac(options, signature, secret="another secret")
    for other in (
        "",
        signature[:-1],
        signature + "0",
        "x" + signature,
        " " + signature,
        "é" + signature,
        "sha1=" + signature,
    ):
        assert not is_hmac(options, other)
    assert not verify(None, {}, EVENT, scheme="hmac_body", secrets=("a shared secret",), now=0, options=options)


def test_hexadecimal_may_be_in_capitals_and_base64_may_not() -> None:
    for encoding, may in (("hex", True), ("base64", False)):
        options = HmacOptions("x-signature", "sha256", encoding, "v=")
        signature = hmac_body(body=EVENT, secret="a shared secret", options=options)
        assert is_hmac(options, "v=" + signature[2:].upper()) is may
        assert not is_hmac(options, "V=" + signature[2:])


def test_a_published_vector_of_hmac_verifies() -> None:
    """RFC 4231, test case 2."""
    digests = {
        "sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    }
    for algorithm, digest in digests.items():
        options = HmacOptions("x-signature", algorithm, "hex")
        assert is_hmac(options, digest, body=b"what do ya want for nothing?", secret="Jefe")


def test_without_options_a_signature_over_the_body_proves_nothing() -> None:
    digest = hmac_body(body=EVENT, secret="secret", options=HmacOptions("x-signature", "sha256", "hex", ""))
    assert not verify(None, {"x-signature": digest}, EVENT, scheme="hmac_body", secrets=("secret",), now=0)
