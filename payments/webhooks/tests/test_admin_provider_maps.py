"""Staff's page for a provider with documents of its own: presets, and errors that name the field."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from payments.conftest import in_process
from payments.models import Provider
from payments.webhooks.presets import PRESETS
from payments.webhooks.receiving.provider_cache import provider_cache
from payments.webhooks.services import change_provider
from tests.support import recipes
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client
from tests.support.documents import SECRETS, generic, generic_event, paystack, paystack_event, stripe, stripe_event
from tests.support.mapped_providers import make_provider

URL = "/admin/payments/provider/"
DELIVERIES = {
    "stripe": lambda user_id: stripe(stripe_event(user_id=user_id)),
    "paystack": lambda user_id: paystack(paystack_event(user_id=user_id)),
    "generic": lambda user_id: generic(generic_event(user_id=user_id)),
}


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def filled(site: Client, preset: str, **changes: str) -> dict[str, str]:
    """What a browser without JavaScript sends after a click on the preset, with a slug and a secret typed."""
    fields = loaded(site, f"{URL}add/?preset={preset}")
    return fields | {"slug": preset, "currency": "USD", "secret": SECRETS[preset]} | changes


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_the_form_and_its_provider_credits(
    preset: str, site: Client, alice: Any, fresh_registry: None
) -> None:
    page = site.get(f"{URL}add/").content.decode()
    assert f'href="{URL}add/?preset={preset}"' in page
    answer = site.post(f"{URL}add/", filled(site, preset))
    assert answer.status_code == 302, errors(answer)
    provider = Provider.objects.get(slug=preset)
    values = dict(PRESETS[preset].values)
    assert {name: getattr(provider, name) for name in values} == values
    provider_cache.invalidate()
    assert in_process(DELIVERIES[preset](alice.pk)).body["status"] == "credited"


def test_an_unknown_preset_is_an_empty_form(site: Client) -> None:
    assert loaded(site, f"{URL}add/?preset=nobody")["amount_pointer"] == ""


@pytest.mark.parametrize(
    ("preset", "changes", "field"),
    [
        ("stripe", {"amount_pointer": "data.object.amount"}, "amount_pointer"),
        ("stripe", {"user_pointer": ""}, "user_pointer"),
        ("stripe", {"amount_unit": ""}, "amount_unit"),
        ("stripe", {"transaction_id_pointer": "/~2"}, "transaction_id_pointer"),
        ("stripe", {"wallet_pointer": "/" * 11}, "wallet_pointer"),
        ("stripe", {"user_pointer": "/data/object/id/user"}, "user_pointer"),
        ("stripe", {"credited_types": ""}, "event_type_pointer"),
        ("stripe", {"event_type_pointer": ""}, "event_type_pointer"),
        ("stripe", {"credited_types": "x" * 101}, "credited_types"),
        ("stripe", {"credited_types": "payment_intent.succeeded charge.succeeded"}, "credited_types"),
        ("paystack", {"credited_types": "charge.success, charge.done"}, "credited_types"),
        ("stripe", {"signature_header": "x-signature"}, "signature_header"),
        ("stripe", {"secret": "whsec_only-22-bytes-beside-it"}, "secret"),
        ("paystack", {"signature_header": "X-Paystack Signature"}, "signature_header"),
        ("paystack", {"signature_header": ""}, "signature_header"),
        ("paystack", {"signature_header": "authorization"}, "signature_header"),
        ("paystack", {"signature_header": "cookie"}, "signature_header"),
        ("paystack", {"signature_algorithm": "md5"}, "signature_algorithm"),
        ("paystack", {"signature_encoding": ""}, "signature_encoding"),
        ("paystack", {"signature_prefix": "é"}, "signature_prefix"),
        ("paystack", {"secret": "sk_test_too_short"}, "secret"),
        ("generic", {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}, "secret"),
        ("generic", {"scheme": "sha1_colon"}, "signature_header"),
    ],
    ids=str,
)
def test_the_form_names_what_is_wrong(
    preset: str, changes: dict[str, str], field: str, site: Client, settings: Any
) -> None:
    settings.TILL_DEBUG = False
    answer = site.post(f"{URL}add/", filled(site, preset, **changes))
    assert field in errors(answer)
    assert not Provider.objects.filter(slug=preset).exists()


def test_a_present_secret_is_long_enough_for_another_scheme_too(db: None, site: Client, admin: Any) -> None:
    """Of Stripe's secrets the beginning does not count."""
    values: dict[str, Any] = {**PRESETS["generic"].values, "slug": "generic", "secret": "whsec_0123456789abcdefghij"}
    provider: Provider = recipes.provider.make(**values)
    page = f"{URL}{provider.pk}/change/"
    unsigned = {name: "" for name in values if name.startswith("signature_")}
    assert "secret" in errors(site.post(page, loaded(site, page) | unsigned | {"scheme": "stripe"}))
    for name, value in ({"scheme": "stripe"} | unsigned).items():
        setattr(provider, name, value)
    with pytest.raises(ValidationError) as refused:
        change_provider(provider=provider, fields=["scheme", *unsigned], staff=admin)
    assert list(refused.value.message_dict) == ["secret"]
    provider.refresh_from_db()
    assert provider.scheme == "hmac_body"


def test_types_of_one_object_may_credit_together(site: Client) -> None:
    types = "checkout.session.completed checkout.session.async_payment_succeeded"
    assert site.post(f"{URL}add/", filled(site, "stripe", credited_types=types)).status_code == 302


def test_the_staff_log_says_which_pointer_was_changed(site: Client) -> None:
    site.post(f"{URL}add/", filled(site, "stripe"))
    provider = Provider.objects.get(slug="stripe")
    page = f"{URL}{provider.pk}/change/"
    assert site.post(page, loaded(site, page) | {"user_pointer": "/data/object/customer"}).status_code == 302
    latest = LogEntry.objects.latest("pk").change_message
    assert latest == "Changed: user_pointer: /data/object/metadata/user_id -> /data/object/customer."


# --- the same by raw SQL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "change", "guard"),
    [
        ("stripe", {"amount_pointer": ""}, "provider_map_is_whole"),
        ("stripe", {"user_pointer": "user"}, "provider_map_is_whole"),
        ("stripe", {"amount_unit": "cents"}, "provider_map_is_whole"),
        ("stripe", {"transaction_id_pointer": ""}, "provider_map_is_whole"),
        ("stripe", {"scheme": "standard_webhooks"}, "provider_map_is_whole"),
        ("stripe", {"credited_types": ""}, "provider_types_have_pointer"),
        ("stripe", {"event_type_pointer": ""}, "provider_types_have_pointer"),
        ("stripe", {"signature_prefix": "v="}, "provider_signature_is_whole"),
        ("paystack", {"signature_header": ""}, "provider_signature_is_whole"),
        ("paystack", {"signature_header": "X-Signature"}, "provider_signature_is_whole"),
        ("paystack", {"signature_algorithm": "md5"}, "provider_signature_is_whole"),
        ("paystack", {"signature_encoding": ""}, "provider_signature_is_whole"),
    ],
    ids=str,
)
def test_postgresql_refuses_half_a_form(db: None, preset: str, change: dict[str, str], guard: str) -> None:
    provider = make_provider(preset)
    with pytest.raises(IntegrityError, match=guard), transaction.atomic():
        Provider.objects.filter(pk=provider.pk).update(**change)


def test_pointers_that_were_written_past_the_form_stop_only_their_provider(
    db: None, alice: Any, fresh_registry: None
) -> None:
    for slug in ("stripe", "generic"):
        make_provider(slug)
    Provider.objects.filter(slug="stripe").update(user_pointer="/~2")
    assert in_process(DELIVERIES["stripe"](alice.pk)).status == 401
    assert in_process(DELIVERIES["generic"](alice.pk)).status == 200
