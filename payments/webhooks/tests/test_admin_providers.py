"""Staff's pages for providers, currencies and the replay of events."""

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client

from payments.models import Currency, Provider, Wallet, WebhookEvent
from payments.webhooks import provider_secrets, services
from payments.webhooks.presets import PRESETS
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.admin_forms import loaded, shown_field
from tests.support.admin_pages import staff_client
from tests.support.notices import ALICES, NOBODY, credit, refused_notice

URL = "/admin/payments/provider/"
OLD, NEW = "the-old-secret-of-acme-4711", "the-new-secret-of-acme-0815"
STANDARD = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def provider(admin: Any) -> Provider:
    provider = Provider(slug="acme", scheme="sha1_colon", currency_id="USD", secret=OLD)
    services.add_provider(provider=provider, staff=admin)
    return provider


def form(**changes: str | None) -> dict[str, str]:
    fields = {
        "slug": "acme",
        "scheme": "sha1_colon",
        "currency": "USD",
        "is_active": "on",
        "max_amount": "",
        "secret": "",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def change(site: Client, provider: Provider, **changes: Any) -> Any:
    page = f"{URL}{provider.pk}/change/"
    return site.post(page, shown_field(site, page) | form(**changes))


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def test_whoever_may_only_look_does_not_see_the_secret(provider: Provider, bob: Any) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_provider"))
    client = staff_client(bob)
    answer = client.get(f"{URL}{provider.pk}/change/")
    assert answer.status_code == 200
    assert OLD not in answer.content.decode()


# --- settings -------------------------------------------------------------------------------------------------


def test_the_provider_form_adds_a_provider_that_works_at_once(
    site: Client, alice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    assert provider_cache.get("acme") is None
    with django_capture_on_commit_callbacks(execute=True):
        answer = site.post(f"{URL}add/", form(secret=NEW, max_amount="100"))
    assert answer.status_code == 302, errors(answer)
    known = provider_cache.get("acme")
    assert known is not None
    assert (known.secrets, known.max_amount) == ((NEW,), 100)
    provider_cache.invalidate()


def test_a_change_reaches_this_worker_at_once_and_the_others_by_its_time(
    provider: Provider, site: Client, django_capture_on_commit_callbacks: Any
) -> None:
    provider_cache.invalidate()
    known = provider_cache.get("acme")
    assert known is not None
    with django_capture_on_commit_callbacks(execute=True):
        assert change(site, provider, is_active=None).status_code == 302
    assert provider_cache.get("acme") is None
    provider.refresh_from_db()
    assert not provider.is_active
    assert str(provider.updated_at) > known.version
    assert provider.secret == OLD
    provider_cache.invalidate()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"secret": NEW, "slug": "Acme Inc"}, "slug"),
        ({"secret": NEW, "slug": "sha1_colon"}, "slug"),
        ({"secret": "§"}, "secret"),
        ({"secret": "23-bytes-are-not-enough"}, "secret"),
        ({"secret": "ab" * 20}, "secret"),
        ({"secret": "whsec_c2hvcnQ=", "scheme": "standard_webhooks"}, "secret"),
        ({"secret": NEW, "make_secret": "on"}, "make_secret"),
        ({"secret": "not base64!", "scheme": "standard_webhooks"}, "secret"),
        ({"secret": NEW, "max_amount": "0"}, "max_amount"),
        ({"secret": NEW, "currency": "XXX"}, "currency"),
        ({"secret": NEW, "scheme": "rot13"}, "scheme"),
    ],
)
def test_the_provider_form_names_the_field_that_is_wrong(changes: dict[str, str], field: str, site: Client) -> None:
    answer = site.post(f"{URL}add/", form(**changes))
    assert list(errors(answer)) == [field]
    assert not Provider.objects.filter(slug="acme").exists()
    assert changes["secret"] == "" or changes["secret"] not in answer.content.decode()


def test_a_present_secret_that_does_not_fit_the_new_scheme_is_named(provider: Provider, site: Client) -> None:
    assert list(errors(change(site, provider, scheme="standard_webhooks"))) == ["secret"]
    page_text = change(site, provider, scheme="standard_webhooks", secret=STANDARD, keep_old="on")
    assert "keep_old" in errors(page_text)
    assert change(site, provider, scheme="standard_webhooks", secret=STANDARD).status_code == 302
    provider.refresh_from_db()
    assert (provider.scheme, provider.secret, provider.previous_secret) == ("standard_webhooks", STANDARD, "")


# --- secrets --------------------------------------------------------------------------------------------------


def test_staff_start_and_end_a_rotation(provider: Provider, site: Client) -> None:
    assert change(site, provider, secret=NEW, keep_old="on").status_code == 302
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, OLD)
    before = provider.updated_at
    for phrase in ("only the active secret is accepted", "no rotation was under way"):
        ended = site.post(URL, {"action": "end_rotation", "_selected_action": [provider.pk]}, follow=True)
        assert phrase in ended.content.decode()
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, "")
    assert provider.updated_at > before


def test_no_secret_can_be_spelt_out_by_filters(provider: Provider, site: Client) -> None:
    for lookup in ("secret__startswith", "previous_secret__startswith", "secret"):
        assert site.get(URL, {lookup: "the"}).status_code == 400
        assert site.get(f"{URL}export/", {lookup: "the"}).status_code == 400
    assert site.get(EVENTS, {"provider__secret__startswith": "the"}).status_code == 400


def test_a_leaked_secret_can_be_replaced_at_once(provider: Provider, site: Client) -> None:
    change(site, provider, secret=NEW)
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret) == (NEW, "")


def test_the_scheme_waits_for_the_end_of_a_rotation(provider: Provider, site: Client) -> None:
    change(site, provider, secret=NEW, keep_old="on")
    assert "scheme" in errors(change(site, provider, scheme="standard_webhooks"))
    provider.refresh_from_db()
    assert (provider.scheme, provider.previous_secret) == ("sha1_colon", OLD)


def test_nothing_typed_is_nothing_changed(provider: Provider, site: Client) -> None:
    before = provider.updated_at
    change(site, provider)
    provider.refresh_from_db()
    assert (provider.secret, provider.previous_secret, provider.updated_at) == (OLD, "", before)
    assert [entry.change_message.partition(":")[0] for entry in LogEntry.objects.all()] == ["Added"]


def test_a_secret_is_never_shown_again(provider: Provider, site: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [change(site, provider, secret=NEW, keep_old="on"), change(site, provider, secret="third!", slug="A B")]
    pages = ("", f"{provider.pk}/change/", f"{provider.pk}/history/", "add/", f"{provider.pk}/delete/")
    answers += [site.get(f"{URL}{page}", follow=True) for page in pages]
    answers += [site.get("/admin/"), site.get("/admin/", follow=True)]
    texts = "".join(answer.content.decode() for answer in answers) + caplog.text
    texts += "".join(entry.change_message for entry in LogEntry.objects.all())
    for secret in (OLD, NEW, "third!"):
        assert secret not in texts


@pytest.mark.parametrize("secret", sorted(provider_secrets.PUBLISHED.values()))
def test_a_published_secret_is_for_development_only(site: Client, settings: Any, secret: str) -> None:
    scheme = {"scheme": "standard_webhooks"} if secret.startswith("whsec_") else {}
    settings.TILL_DEBUG = False
    answer = site.post(f"{URL}add/", form(secret=secret, **scheme))
    assert errors(answer) == {"secret": ["Everybody knows this secret: it is published."]}
    assert not Provider.objects.filter(slug="acme").exists()
    settings.TILL_DEBUG = True
    assert site.post(f"{URL}add/", form(secret=secret, **scheme)).status_code == 302


@pytest.mark.parametrize("secret", ["x", *sorted(provider_secrets.PUBLISHED.values())])
def test_the_service_refuses_such_a_secret_too(provider: Provider, admin: Any, settings: Any, secret: str) -> None:
    settings.TILL_DEBUG = False
    with pytest.raises(ValidationError) as refused:
        services.rotate_secret(provider_id=provider.pk, secret=secret, keep_old=False, staff=admin)
    assert list(refused.value.message_dict) == ["secret"]
    provider.refresh_from_db()
    assert provider.secret == OLD


@pytest.mark.parametrize("scheme", Provider.Scheme.values)
def test_a_secret_is_made_and_shown_once(site: Client, scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    preset = next((name for name, preset in PRESETS.items() if preset.values["scheme"] == scheme), "")
    fields = loaded(site, f"{URL}add/?preset={preset}") if preset else {}
    answer = site.post(f"{URL}add/", fields | form(scheme=scheme, make_secret="on"))
    secret = Provider.objects.get(slug="acme").secret
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert provider_secrets.size(secret, scheme=scheme) >= 32
    texts = "".join(site.get(f"{URL}{page}", follow=True).content.decode() for page in ("", "add/"))
    assert secret not in texts + caplog.text + "".join(entry.change_message for entry in LogEntry.objects.all())
    assert not any(secret in cookie.value for cookie in site.cookies.values())


def test_a_secret_is_made_for_a_rotation(provider: Provider, site: Client) -> None:
    answer = change(site, provider, make_secret="on", keep_old="on")
    provider.refresh_from_db()
    assert (provider.previous_secret, provider.secret in answer.content.decode()) == (OLD, True)
    assert provider.secret != OLD


def test_the_staff_log_says_what_was_and_what_is_and_no_secret(
    provider: Provider, site: Client, admin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    change(site, provider, is_active=None, max_amount="100")
    change(site, provider, is_active=None, max_amount="100", secret=NEW, keep_old="on")
    site.post(URL, {"action": "end_rotation", "_selected_action": [provider.pk]})
    site.post(f"{URL}{provider.pk}/delete/", {"post": "yes"})
    messages = [entry.change_message for entry in LogEntry.objects.filter(user=admin).order_by("pk")]
    assert messages[1:] == [
        "Changed: is_active: True -> False; max_amount: none -> 100.",
        "A new secret: the one before is accepted as well until the rotation is ended.",
        "Ended the rotation of the secret.",
        "Deleted.",
    ]
    assert [record.getMessage() for record in caplog.records if record.name == "till.staff"] == messages[1:]


# --- deleting -------------------------------------------------------------------------------------------------


def test_a_provider_with_events_stays(alice: Any, site: Client) -> None:
    credit(alice, ALICES)
    used = Provider.objects.get(slug="sha1_colon")
    for answer in (
        site.get(f"{URL}{used.pk}/delete/", follow=True),
        site.post(f"{URL}{used.pk}/delete/", {"post": "yes"}, follow=True),
    ):
        assert "Switch it off instead" in answer.content.decode()
    assert Provider.objects.filter(pk=used.pk).exists()
    with pytest.raises(services.ProviderInUse):
        services.remove_provider(provider_id=used.pk, staff=alice)


def test_a_provider_without_events_can_go(provider: Provider, site: Client) -> None:
    assert site.get(f"{URL}{provider.pk}/delete/").status_code == 200
    assert site.post(f"{URL}{provider.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Provider.objects.filter(pk=provider.pk).exists()


# --- currencies -----------------------------------------------------------------------------------------------

CURRENCIES = "/admin/payments/currency/"


def test_a_currency_comes_with_the_houses_wallets(site: Client) -> None:
    answer = site.post(f"{CURRENCIES}add/", {"code": "SEK", "name": "Swedish krona", "decimal_places": "2"})
    assert answer.status_code == 302, errors(answer)
    assert Currency.objects.get(pk="SEK").is_active
    assert set(Wallet.objects.filter(currency="SEK").values_list("house", flat=True)) == set(Wallet.House.values)


@pytest.mark.parametrize(("field", "value"), [("code", "usd"), ("code", "USD"), ("decimal_places", "11"), ("name", "")])
def test_the_currency_form_names_what_is_wrong(field: str, value: str, site: Client) -> None:
    answer = site.post(
        f"{CURRENCIES}add/", {"code": "SEK", "name": "Swedish krona", "decimal_places": "2"} | {field: value}
    )
    assert list(errors(answer)) == [field]


def test_only_the_name_and_the_flag_of_a_currency_change(site: Client) -> None:
    fields = {"name": "Dollar", "code": "DOL", "decimal_places": "4"}
    page = f"{CURRENCIES}USD/change/"
    assert site.post(page, shown_field(site, page) | fields).status_code == 302
    dollar = Currency.objects.get(pk="USD")
    assert (dollar.name, dollar.decimal_places, dollar.is_active) == ("Dollar", 2, False)
    assert site.post(f"{CURRENCIES}USD/delete/", {"post": "yes"}).status_code == 403


# --- replay ---------------------------------------------------------------------------------------------------


EVENTS = "/admin/payments/webhookevent/"


def replay(site: Client, *events: WebhookEvent) -> str:
    answer = site.post(EVENTS, {"action": "replay", "_selected_action": [event.pk for event in events]})
    assert "Replay events" in site.get(answer["Location"]).content.decode()
    return site.post(answer["Location"], {"reason": "she is here now"}, follow=True).content.decode()


def test_staff_replay_what_is_chosen_and_see_what_came_of_each(alice: Any, admin: Any, site: Client) -> None:
    credit(alice, ALICES, external_id="1")
    done = WebhookEvent.objects.get()
    waiting = refused_notice(user_id=NOBODY, account=303, external_id="2")
    conflict = refused_notice(user_id=alice.pk, account=ALICES, amount="99", external_id="1")
    page = replay(site, done, waiting, conflict)
    assert f"“{done}”: was credited already; nothing moved." in page
    assert "There is no such user" in page
    assert "Only an unmatched event" in page
    assert Wallet.objects.get(pk=ALICES).balance == 10
    entry = LogEntry.objects.get(user=admin, object_id=str(waiting.pk))
    assert entry.change_message.endswith("Reason: she is here now")
    assert "Replay refused" in site.get(f"{EVENTS}{waiting.pk}/history/").content.decode()


def test_mallory_replays_nothing(mallory: Any) -> None:
    event = refused_notice(user_id=NOBODY, account=303)
    client = staff_client(mallory)
    client.post(EVENTS, {"action": "replay", "_selected_action": [event.pk]})
    client.post(f"{EVENTS}replay/?id={event.pk}", {"reason": "mine"})
    assert not LogEntry.objects.exists()
