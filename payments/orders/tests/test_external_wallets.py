"""External wallets: validated, owned, never a card's number, and not deleted under a pending withdrawal."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from payments.models import Currency, ExternalWallet
from payments.orders.external_details import CardNumberRefused, checked_details, refuse_card_number
from payments.orders.iban import LENGTHS, parse_iban
from payments.orders.services import external_wallets
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.orders import settle, withdraw
from tests.support.recipes import IBAN
from tests.support.rest import API, ids, refused, signed_in

URL = f"{API}/external-wallets"
CARD = "4242424242424242"


def add(user: Any, kind: str, details: Any, /, **body: Any) -> Any:
    data = {"label": "Mine", "currency": "USD", "kind": kind, "details": details} | body
    return signed_in(user).post(URL, data)


def stored_details(user: Any, kind: str, details: Any) -> dict[str, str]:
    answer = add(user, kind, details)
    assert answer.status_code == 201, answer.content
    stored: dict[str, str] = answer.json()["details"]
    assert ExternalWallet.objects.get(pk=answer.json()["id"]).details == stored
    return stored


# --- adding ---
def test_an_external_wallet_is_answered_as_it_is_stored(alice: Any) -> None:
    body = add(alice, "bank", {"iban": IBAN, "bic": "cobadeff", "holder": "Alice Example"}).json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": ExternalWallet.objects.get().pk, "owner": alice.pk, "label": "Mine", "currency": "USD", "kind": "bank",
        "details": {"iban": IBAN, "bic": "COBADEFF", "holder": "Alice Example"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("bank", "de89 3704 0044 0532 0130 00", {"iban": IBAN}),
        ("bank", {"iban": "NO93 8601 1117 947"}, {"iban": "NO9386011117947"}),
        ("card", "4242", {"last4": "4242", "masked": "**** 4242"}),
        ("card", "**** **** **** 4242", {"last4": "4242", "masked": "**** 4242"}),
        ("card", {"last4": "4242", "masked": "**** 4242"}, {"last4": "4242", "masked": "**** 4242"}),
        (
            "card",
            {"last4": "0007", "expiry": "12/30", "holder": "Bond"},
            {"last4": "0007", "masked": "**** 0007", "expiry": "12/30", "holder": "Bond"},
        ),
        ("crypto", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", None),
        ("crypto", {"address": "0x1234567890123456789012345678901234567890", "network": "ERC-20"}, None),
        ("other", {"description": "The jar on the shelf"}, None),
        ("other", "The jar on the shelf", {"description": "The jar on the shelf"}),
    ],
)
def test_details_are_stored_in_one_spelling(alice: Any, kind: str, given: Any, expected: dict[str, str] | None) -> None:
    main = {"crypto": "address"}.get(kind, "description")
    assert stored_details(alice, kind, given) == (expected or (given if isinstance(given, dict) else {main: given}))


@pytest.mark.parametrize(
    ("kind", "details", "field", "code"),
    [
        ("bank", "DE89370400440532013001", "iban", "invalid_iban"),
        ("bank", "DE8937040044053201300", "iban", "invalid_iban"),
        ("bank", {"iban": IBAN, "bic": "X"}, "bic", "invalid_bic"),
        ("bank", {"bic": "COBADEFF"}, "iban", "detail_missing"),
        ("bank", {"iban": IBAN, "holder": "x" * 101}, "holder", "invalid_holder"),
        ("bank", {"iban": IBAN, "holder": ""}, "holder", "invalid_holder"),
        ("card", "424", "last4", "invalid_last4"),
        ("card", "\u0664\u0662\u0664\u0662", "last4", "invalid_last4"),
        ("card", {"holder": "Bond"}, "last4", "invalid_last4"),
        ("card", {"last4": "4242", "masked": "**** 4243"}, "last4", "invalid_last4"),
        ("card", {"last4": "4242", "expiry": "13/30"}, "expiry", "invalid_expiry"),
        ("crypto", "bc1 with spaces", "address", "invalid_address"),
        ("crypto", "Адрес-кошелька", "address", "invalid_address"),
        ("crypto", "x" * 201, "address", "invalid_address"),
        ("crypto", {"address": "bc1qar0srrr7", "network": "x" * 31}, "network", "invalid_network"),
        ("other", "", "description", "detail_missing"),
        ("other", {}, "description", "detail_missing"),
    ],
)
def test_wrong_details_are_refused(alice: Any, kind: str, details: Any, field: str, code: str) -> None:
    body = refused(add(alice, kind, details), 422, "invalid_details", f"details.{field}")
    assert body["errors"][0]["code"] == code
    assert not ExternalWallet.objects.exists()


@pytest.mark.parametrize(
    ("kind", "details", "field"),
    [("bank", {"iban": IBAN, "sort_code": "1"}, "sort_code"), ("card", {"last4": "4242", "cvc": "123"}, "cvc")],
)
def test_a_detail_that_the_kind_does_not_have_is_an_unknown_field(
    alice: Any, kind: str, details: Any, field: str
) -> None:
    body = refused(add(alice, kind, details), 400, "invalid_request", f"details.{field}")
    assert body["errors"][0]["code"] == "unknown_field"
    assert not ExternalWallet.objects.exists()


@pytest.mark.parametrize(
    "details", [None, 1, True, [], ["x"], {"iban": 1}, {"iban": None}, {"iban": {}}, {str(n): "x" for n in range(11)}]
)
def test_details_of_another_shape_are_refused(alice: Any, details: Any) -> None:
    answer = add(alice, "bank", details)
    assert refused(answer, 400, "invalid_request")["errors"][0]["field"].startswith("details")


@pytest.mark.parametrize(
    ("field", "value"),
    [("label", ""), ("label", "x" * 101), ("label", "a\nb"), ("label", "a\u202eb"), ("label", None), ("kind", "cash"),
     ("details", "a\u202eb"), ("details", "x" * 501)],
)  # fmt: skip
def test_text_that_is_not_plain_or_too_long_is_refused(alice: Any, field: str, value: Any) -> None:
    refused(add(alice, "other", "Jar", **{field: value}), 400, "invalid_request", field)


@pytest.mark.parametrize("currency", ["XXX", "usd", "US"])
def test_an_external_wallet_knows_only_currencies_of_ours(alice: Any, currency: str) -> None:
    refused(add(alice, "other", "Jar", currency=currency), 422, "currency_unavailable", "currency")


def test_what_is_held_may_leave_a_currency_that_was_taken_out_of_use(alice: Any) -> None:
    Currency.objects.filter(pk="USD").update(is_active=False)
    assert add(alice, "other", "Jar").status_code == 201


# --- card numbers ---
NUMBERS = [
    CARD, "4242 4242 4242 4242", "4242-4242-4242-4242", "4242.4242.4242.4242", "4242\u20134242\u20134242\u20134242",
    "4111111111111112", "424242424242", "4242424242424242424",
    "\u0664\u0662" * 8, "4242\u200b4242\u200b4242\u200b4242",
    "card 4242 4242 4242 4242 12/30 123", "4242\u00a04242\u00a04242\u00a04242",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("kind", "member"),
    [("card", "last4"), ("card", "holder"), ("bank", "holder"), ("crypto", "network"), ("other", "description")],
)
def test_a_cards_number_is_refused_in_any_detail(number: str, kind: str, member: str) -> None:
    with pytest.raises(CardNumberRefused) as refusal:
        checked_details(kind, {member: number})
    assert refusal.value.field == f"details.{member}"


@pytest.mark.parametrize(("kind", "member"), [("bank", "iban"), ("crypto", "address")])
def test_a_cards_number_is_refused_where_other_digits_may_stand(kind: str, member: str) -> None:
    with pytest.raises(CardNumberRefused):
        checked_details(kind, {member: CARD})


@pytest.mark.parametrize("text", ["12345678901", "Ends in 4242", "Since 2019, 3 accounts", ""])
def test_other_digits_are_taken(text: str) -> None:
    refuse_card_number(text, field="label")


@pytest.mark.parametrize("kind", ["bank", "card", "crypto", "other"])
def test_nothing_of_a_refused_number_is_stored(alice: Any, kind: str) -> None:
    for details in (CARD, {"number": CARD}, {"last4": CARD}):
        answer = add(alice, kind, details)
        refused(answer, 422, "card_number_refused")
        assert "4242" not in answer.content.decode()
    assert not ExternalWallet.objects.exists()


@pytest.mark.parametrize("number", [CARD, "4242 4242 4242 4242", "4242-4242-4242-4242", "4242_4242_4242_4242"])
@pytest.mark.parametrize(
    ("kind", "details"), [("bank", IBAN), ("card", "4242"), ("crypto", f"0x{'ab' * 20}"), ("other", "The jar")]
)
def test_a_cards_number_is_refused_as_the_label(alice: Any, kind: str, details: str, number: str) -> None:
    refused(add(alice, kind, details, label=f"Visa {number}"), 422, "card_number_refused", "label")
    assert not ExternalWallet.objects.exists()


@pytest.mark.parametrize(
    "address",
    [f"{CARD}aa", f"a{CARD}", f"0x{CARD}", "4242-4242-4242-4242x", "4242_4242_4242_4242x", f"{CARD}12301x",
     f"{'x' * 30}-{CARD}", f"4242-4242-4242-4242-{'x' * 30}"],
)  # fmt: skip
def test_a_cards_number_with_something_around_it_is_refused_as_an_address(alice: Any, address: str) -> None:
    refused(add(alice, "crypto", address), 422, "card_number_refused", "details.address")
    assert not ExternalWallet.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "rHb9CJAWyB4rj91VRWn96DkukG",  # as short as they get
        "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
        "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
        "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
        "EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2",  # base64: separators, but no run of digits
        "0xabcdef1234567890123abcdefabcdefabcdefabc",
        f"0x{'4242' * 10}",
    ],
)
def test_addresses_that_hold_as_many_digits_by_chance_are_taken(alice: Any, address: str) -> None:
    assert stored_details(alice, "crypto", address) == {"address": address}


@pytest.mark.parametrize(("kind", "member"), [("bank", "iban"), ("crypto", "address"), ("other", "description")])
def test_a_refusal_says_in_words_what_is_missing(alice: Any, kind: str, member: str) -> None:
    assert refused(add(alice, kind, {}), 422, "invalid_details")["detail"] == f"The kind {kind} needs {member}."


# --- IBAN ---
@pytest.mark.parametrize(
    "iban",
    ["GB82 WEST 1234 5698 7654 32", "FR1420041010050500013M02606", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
     "BR1800360305000010009795493C1", "CH9300762011623852957"],
)  # fmt: skip
def test_a_right_iban_is_known_and_every_wrong_digit(iban: str) -> None:
    right = iban.replace(" ", "")
    assert parse_iban(iban.lower()) == right
    for place in range(2, len(right)):
        wrong = right[:place] + ("1" if right[place] != "1" else "2") + right[place + 1 :]
        assert parse_iban(wrong) is None, wrong


@pytest.mark.parametrize(
    "text", ["", "DE", "DE89", "XX" + "0" * 33, "DE89-3704", "\u0414\u041589370400440532013000", IBAN + "0"]
)
def test_what_is_no_iban_is_refused(text: str) -> None:
    assert parse_iban(text) is None


def test_the_lengths_are_possible() -> None:
    assert all(15 <= length <= 34 and code.isupper() and len(code) == 2 for code, length in LENGTHS.items())


# --- reading ---
def test_a_user_lists_own_external_wallets_newest_first_and_filters(alice: Any, bob: Any, admin: Any) -> None:
    first, second, his = (
        recipes.bank_account.make(owner=alice).pk,
        recipes.bank_account.make(owner=alice, currency_id="EUR").pk,
        recipes.bank_account.make(owner=bob).pk,
    )
    assert ids(signed_in(alice).get(URL)) == [second, first]
    assert ids(signed_in(alice).get(URL, {"currency": "EUR"})) == [second]
    assert ids(signed_in(alice).get(URL, {"kind": "card"})) == []
    assert ids(signed_in(admin).get(URL, {"user": bob.pk})) == [his]
    refused(signed_in(alice).get(URL, {"user": bob.pk}), 400, "invalid_request", "user")


def test_strangers_find_nothing_and_delete_nothing(alice: Any, mallory: Any, admin: Any, service: Any) -> None:
    hers = recipes.bank_account.make(owner=alice).pk
    assert ids(signed_in(mallory).get(URL)) == []
    assert signed_in(mallory).get(f"{URL}/{hers}").status_code == 404
    for user in (mallory, admin):
        refused(signed_in(user).delete(f"{URL}/{hers}"), 404, "external_wallet_not_found")
    for answer in (signed_in(service).get(URL), add(service, "other", "Jar")):
        refused(answer, 403, "permission_denied")
    refused(APIClient().get(URL), 401, "not_authenticated")
    assert signed_in(alice).get(f"{URL}/{hers}").status_code == 200


# --- deleting ---
def test_a_deleted_external_wallet_is_gone_for_ever_and_its_row_stays(alice: Any) -> None:
    hers = recipes.bank_account.make(owner=alice).pk
    assert signed_in(alice).delete(f"{URL}/{hers}").status_code == 204
    assert ids(signed_in(alice).get(URL)) == []
    assert signed_in(alice).get(f"{URL}/{hers}").status_code == 404
    refused(signed_in(alice).delete(f"{URL}/{hers}"), 404, "external_wallet_not_found")
    assert ExternalWallet.objects.get(pk=hers).deleted_at is not None


def test_an_external_wallet_stays_while_a_pending_withdrawal_goes_there(alice: Any, service: Any) -> None:
    bank, wallet = recipes.bank_account.make(owner=alice), wallet_with(alice, "USD", "10")
    order = withdraw(alice, wallet, bank, "10")
    refused(signed_in(alice).delete(f"{URL}/{bank.pk}"), 409, "external_wallet_in_use")
    settle(service, "withdrawals", order, "rejected")
    assert signed_in(alice).delete(f"{URL}/{bank.pk}").status_code == 204


def test_there_are_only_so_many(alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external_wallets, "MAX_EXTERNAL_WALLETS", 2)
    first = recipes.bank_account.make(owner=alice)
    recipes.bank_account.make(owner=alice)
    refused(add(alice, "other", "Jar"), 409, "too_many_external_wallets")
    recipes.bank_account.make(owner=bob)
    signed_in(alice).delete(f"{URL}/{first.pk}")
    assert add(alice, "other", "Jar").status_code == 201


def test_what_is_kept_about_a_person_is_forgotten_but_what_is_still_awaited(alice: Any, bob: Any, service: Any) -> None:
    idle, awaited, his, wallet = (
        recipes.bank_account.make(owner=alice),
        recipes.bank_account.make(owner=alice),
        recipes.bank_account.make(owner=bob),
        wallet_with(alice, "USD", "10"),
    )
    order = withdraw(alice, wallet, awaited, "10")
    external_wallets.forget_external_wallets(owner_id=alice.pk)
    for external, known in ((idle, False), (awaited, True), (his, True)):
        external.refresh_from_db()
        assert (bool(external.details), external.label == "My bank", external.deleted_at is None) == (known,) * 3
    settle(service, "withdrawals", order)
    external_wallets.forget_external_wallets(owner_id=alice.pk)
    awaited.refresh_from_db()
    assert awaited.details == {}


def test_the_database_keeps_no_label_empty_and_no_other_kind(alice: Any) -> None:
    bank = recipes.bank_account.make(owner=alice)
    for change, name in (("label = ''", "external_wallet_label_present"), ("kind = 'x'", "external_wallet_kind_known")):
        with pytest.raises(IntegrityError, match=name), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE payments_externalwallet SET {change} WHERE id = %s", [bank.pk])  # noqa: S608 - ours
