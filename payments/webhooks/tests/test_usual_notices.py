"""The quick reader (notices.usual) reads what the strict one would read, exactly so, and leaves it all the rest."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.webhooks.notices import MAX_BODY_BYTES, BodyTooLarge, MalformedEvent, ParsedNotice, parse, strict, usual

pytestmark = pytest.mark.slow

UUID = "5eae174f-7cd0-472c-bd36-35660f00132b"
SIGNATURE = "70e224ace9d3859aca84ffb88edf593acec92dbb"
MEMBERS = {
    "sha1_colon": {
        "transaction_id": "1234567",
        "user_id": "1",
        "bill_id": "123456",
        "amount": "100",
        "signature": f'"{SIGNATURE}"',
    },
    "sha256_concat": {
        "transaction_id": f'"{UUID}"',
        "user_id": "1",
        "account_id": "1",
        "amount": "100.00",
        "signature": f'"{SIGNATURE}"',
    },
}
SCHEMES = list(MEMBERS)


def read_strictly(body: bytes, scheme: str) -> ParsedNotice | None:
    try:
        return strict(body, scheme)
    except (MalformedEvent, BodyTooLarge):
        return None


def is_left_to_the_strict_reader_or_read_as_it_would(body: bytes, scheme: str) -> bool:
    quickly = usual(body, scheme)
    if quickly is None:
        return True
    assert {type(field) for field in quickly[:5]} == {str}
    return quickly == read_strictly(body, scheme)


def written(members: list[tuple[str, str]]) -> bytes:
    return ("{" + ",".join(f'"{name}":{literal}' for name, literal in members) + "}").encode()


# --- what it reads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_quick_reader_reads_the_members_in_any_order(scheme: str) -> None:
    orders = [written(list(order)) for order in itertools.permutations(MEMBERS[scheme].items())]
    assert {usual(body, scheme) for body in orders} == {strict(orders[0], scheme)}


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_quick_reader_reads_members_however_they_are_spaced(scheme: str, indent: str | int | None) -> None:
    compact = written(list(MEMBERS[scheme].items()))
    spaced = json.dumps(json.loads(compact), indent=indent).replace("100.0,", "100.00,").encode()
    for body in (spaced, b" \r\n" + spaced + b"\n"):
        assert usual(body, scheme) == strict(compact, scheme)


@pytest.mark.parametrize("amount", ["1", "0", "0.5", "12.34", "1.1234567890", '"12.34"', '"7"'])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_quick_reader_reads_the_amount_as_a_number_and_as_text(scheme: str, amount: str) -> None:
    body = written(list((MEMBERS[scheme] | {"amount": amount}).items()))
    assert usual(body, scheme) == strict(body, scheme)


# --- what it leaves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_missing_or_stands_twice_is_for_the_strict_reader(scheme: str) -> None:
    members = list(MEMBERS[scheme].items())
    for subset in itertools.combinations(members, 4):
        assert usual(written([*subset]), scheme) is None
        for again in subset:
            assert usual(written([*subset, again]), scheme) is None
            assert usual(written([*members, again]), scheme) is None


def test_the_quick_reader_reads_nothing_over_64_kib() -> None:
    body = written(list(MEMBERS["sha1_colon"].items()))
    assert parse(body + b" " * (MAX_BODY_BYTES - len(body)), "sha1_colon") == strict(body, "sha1_colon")
    with pytest.raises(BodyTooLarge):
        parse(body + b" " * (MAX_BODY_BYTES - len(body) + 1), "sha1_colon")


NEAR_NUMBERS = st.sampled_from(
    ["0", "-0", "00", "01", "-1", "+1", "1.", ".5", "1.0", "1e2", "1E2", "1.0e1", "0.00", "-0.0", "0x1", "1_0"]
) | st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,12})?([eE][0-9])?", fullmatch=True)
NO_NUMBERS = st.sampled_from(["NaN", "Infinity", "true", "null", "[1]", "{}", '{"amount":1}', "\u0661", "\uff11"])
LONG_NUMBERS = st.sampled_from([19, 20, 28, 29, 200, 201]).map(lambda digits: "9" * digits)
NEAR_TEXTS = st.sampled_from(
    [
        UUID,
        SIGNATURE,
        "",
        "a b",
        r"a\"b",
        r"\u0041",
        r"\\",
        "a\x00",
        "a\n",
        "\t",
        "é",
        "\x7f",
        "[{,:}]",
        'a"b',
        "\ufeff",
    ]
) | st.text(st.characters(max_codepoint=0x17F), max_size=6)
LONG_TEXTS = st.sampled_from([128, 129]).map(lambda length: "x" * length)
UNQUOTED = NEAR_NUMBERS | NO_NUMBERS | LONG_NUMBERS | LONG_NUMBERS.map(lambda digits: f"{digits}.{digits[:11]}")
LITERALS = UNQUOTED | (UNQUOTED | NEAR_TEXTS | LONG_TEXTS).map(lambda text: f'"{text}"')
NAMES = st.sampled_from(
    ["transaction_id", "user_id", "account_id", "bill_id", "amount", "signature", "note", "Amount", "amount ", ""]
)
SPACES = st.sampled_from(["", "", "", " ", "\n", "\r\n\t ", "  ", "\x0b", "\x0c", "\xa0", "\x00", "\u2028", "\ufeff"])


@st.composite
def near_notices(draw: st.DrawFn, scheme: str) -> bytes:
    """A good notice with some of its members changed, left out, doubled, moved, or oddly put together."""
    members = draw(st.permutations(list(MEMBERS[scheme].items())))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(members) - 1))
        name, literal = members[at]
        match draw(st.sampled_from(["literal", "literal", "literal", "name", "double", "insert", "remove"])):
            case "literal":
                members[at] = name, draw(LITERALS)
            case "name":
                members[at] = draw(NAMES), literal
            case "double":
                members.insert(draw(st.integers(0, len(members))), (name, literal))
            case "insert":
                members.insert(at, (draw(NAMES), draw(LITERALS)))
            case _ if len(members) > 1:
                del members[at]
    spaces = [draw(SPACES) if draw(st.booleans()) else "" for _ in range(4)]
    comma, colon = draw(st.sampled_from([",", ",", ",", ",,", " ,", ";", ""])), draw(st.sampled_from([":"] * 5 + ["="]))
    end = draw(st.sampled_from(["}"] * 6 + ["", ",}", "}}", "}x", "} \n", "]"]))
    joined = (comma + spaces[0]).join(f'"{name}"{spaces[1]}{colon}{spaces[2]}{literal}' for name, literal in members)
    return ("{" + spaces[3] + joined + spaces[0] + end).encode("utf-8", "surrogatepass")


def try_near_the_border(scheme: str, data: st.DataObject) -> None:
    body = data.draw(near_notices(scheme))
    for read_as in (*SCHEMES, "standard_webhooks"):
        assert is_left_to_the_strict_reader_or_read_as_it_would(body, read_as)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_near_and_across_the_border_it_reads_as_the_strict_reader_does(scheme: str, data: st.DataObject) -> None:
    """200 notices of each scheme; `make torture` tries 5,000."""
    try_near_the_border(scheme, data)


@pytest.mark.torture
@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=5_000, deadline=None)
@given(data=st.data())
def test_thousands_of_notices_near_the_border_are_read_as_the_strict_reader_does(
    scheme: str, data: st.DataObject
) -> None:
    try_near_the_border(scheme, data)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 200), put=st.binary(max_size=2), cut=st.integers(0, 3))
def test_no_slip_of_a_few_bytes_is_overlooked(scheme: str, place: int, put: bytes, cut: int) -> None:
    body = written(list(MEMBERS[scheme].items()))
    assert is_left_to_the_strict_reader_or_read_as_it_would(body[:place] + put + body[place + cut :], scheme)
