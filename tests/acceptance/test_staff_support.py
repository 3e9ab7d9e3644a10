"""Support: looks at everything in /admin, and changes nothing whatever it sends."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.urls import reverse

from accounts import services
from accounts.models import User
from staff.confirmed_actions import ConfirmedActionsMixin
from tests.support import staff_site
from tests.support.admin_pages import staff_client
from tests.support.rest import signed_in
from tests.support.staff_site import OURS, body_of, url

pytestmark = pytest.mark.slow


@pytest.fixture
def story(alice: User, admin: User) -> dict[type, Any]:
    return staff_site.every_object(alice, admin)


@pytest.fixture
def support(bob: User) -> User:
    return services.set_support(user_id=bob.pk, on=True)


# --- support --------------------------------------------------------------------------------------------------


def test_the_support_group_comes_with_the_tables_and_may_only_look(db: None) -> None:
    Group.objects.filter(name="support").delete()
    for _ in range(2):
        call_command("migrate", verbosity=0)
        rights = set(Group.objects.get(name="support").permissions.values_list("codename", flat=True))
    assert {"view_user", "view_wallet", "view_purchase", "view_webhookevent", "view_logentry"} <= rights
    assert not [right for right in rights if not right.startswith("view_")]
    assert not rights & {"view_idempotencykey", "view_tokenfamily", "view_throttlecount"}


def test_a_right_that_was_added_by_hand_goes_with_the_next_migration(db: None) -> None:
    services.keep_support_group().permissions.add(Permission.objects.get(codename="change_user"))
    call_command("migrate", verbosity=0)
    assert not Group.objects.get(name="support").permissions.filter(codename="change_user").exists()


def test_support_looks_at_everything(story: dict[type, Any], support: User) -> None:
    client = staff_client(support)
    for model in OURS:
        target = story[model]
        pages = [url(model, "changelist"), url(model, "export")]
        pages += [url(model, "change", target.pk), url(model, "history", target.pk)] if target else []
        for page in pages:
            answer = client.get(page)
            assert answer.status_code == 200, page
            text = body_of(answer).decode()
            for offer in ("_save", 'name="action"', "till-do", "deletelink", "addlink", "argon2", 'name="index"'):
                assert offer not in text.partition('id="content"')[2], (page, offer)


def addresses_of(model: Any, pk: Any) -> tuple[list[str], list[str]]:
    """The pages of a model that are written to, and those of its confirmed actions and forms of passwords."""
    pages = [url(model, "changelist"), url(model, "add"), url(model, "change", pk), url(model, "delete", pk)]
    asking = [f"{url(model, action)}?id={pk}" for action in confirmed(model)]
    return pages, asking + ([reverse("admin:auth_user_password_change", args=[pk])] if model is User else [])


def confirmed(model: Any) -> list[str]:
    managed = OURS[model]
    return [action.name for action in managed.confirmed_actions] if isinstance(managed, ConfirmedActionsMixin) else []


@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.torture)])
def test_support_changes_nothing(story: dict[type, Any], support: User, everywhere: bool) -> None:
    """The actions are sent to the lists and to the pages that ask first; in `make torture` to every page."""
    client = staff_client(support)
    for model in OURS:
        pk = story[model].pk if story[model] else 1
        pages, asking = addresses_of(model, pk)
        actions = [*confirmed(model), "delete_selected", "end_rotation", "", "nonsense"]
        bodies = [{"action": action, "_selected_action": [pk], "index": "0"} for action in actions]
        forged = {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": pk, "post": "yes"}
        filled = [forged, {"reason": "please", "refunded": "0", "is_active": "on", "role": "admin"}]
        for path in pages + asking:
            for body in (bodies if everywhere or path in (pages[0], *asking) else []) + filled:
                assert client.post(path, body).status_code == 403, (path, body)
        for path in asking:
            assert client.get(path).status_code == 403, path


def test_support_sees_no_secret_and_no_hash(story: dict[type, Any], support: User, alice: User) -> None:
    alice.set_password("correct horse 42")
    alice.save()
    page = staff_client(support).get(url(User, "change", alice.pk)).content.decode()
    assert "argon2" not in page
    assert alice.password[-20:] not in page
    assert "alice@example.com" in page


def test_support_is_an_ordinary_user_in_the_api(support: User, story: dict[type, Any]) -> None:
    api = signed_in(support)
    assert api.get("/api/v1/purchases").json()["results"] == []
    assert api.get("/api/v1/webhook-events").status_code == 403
    assert api.post("/api/v1/products", {"title": "Ink"}).status_code == 403


def test_nobody_else_gets_in(mallory: User, story: dict[type, Any]) -> None:
    client = staff_client(mallory)
    for model in OURS:
        for page in ("changelist", "export"):
            assert client.get(url(model, page)).status_code == 302
    User.objects.filter(pk=mallory.pk).update(is_staff=True)  # staff, with no right at all
    for model in OURS:
        for page in ("changelist", "export"):
            assert client.get(url(model, page)).status_code == 403
