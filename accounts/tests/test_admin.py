"""/admin: people."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts import services, tokens
from accounts.models import OutgoingMail, Role, TokenFamily, User
from accounts.tests.conftest import PASSWORD, bearer
from accounts.tests.link_mail import mailed
from tests.support import recipes
from tests.support.admin_forms import shown_field

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"
NEW = "battery staple 43"


@pytest.fixture
def staff(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def page(user: User, name: str = "change") -> str:
    return f"{LIST}{user.pk}/{name}/"


#: What a browser sends along for the list of wallets that payments puts on the same page.
WALLETS = {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0"}


def form(user: User, **changed: Any) -> dict[str, Any]:
    fields = {"email": user.email, "full_name": user.full_name, "role": user.role, "is_active": "on"}
    fields["reason"] = "asked by phone"
    return {name: value for name, value in (WALLETS | fields | changed).items() if value is not None}


def save(staff: Client, user: User, sent: dict[str, Any]) -> Any:
    """Load the page, and send this of it."""
    return staff.post(page(user), shown_field(staff, page(user)) | sent)


def test_only_staff_may_enter(client: Client, mallory: User) -> None:
    client.force_login(mallory)
    assert client.get(LIST).status_code == 302
    assert client.post(page(mallory), form(mallory, role="admin")).status_code == 302
    mallory.refresh_from_db()
    assert mallory.role == Role.USER


@pytest.mark.parametrize("query", ["alice", "ALICE@EXAMPLE", "Alice"])
@pytest.mark.usefixtures("alice", "bob")
def test_the_users_page_finds_users(staff: Client, query: str) -> None:
    body = staff.get(LIST, {"q": query}).content.decode()
    assert "alice@example.com" in body
    assert "bob@example.com" not in body


def test_the_users_page_finds_users_by_id(staff: Client, alice: User) -> None:
    body = staff.get(LIST, {"q": str(alice.pk)}).content.decode()
    assert "alice@example.com" in body


@pytest.mark.parametrize("query", [{"role__exact": "admin"}, {"is_active__exact": "0"}])
@pytest.mark.usefixtures("alice")
def test_the_users_page_filters(staff: Client, query: dict[str, str]) -> None:
    assert "alice@example.com" not in staff.get(LIST, query).content.decode()


def test_the_list_of_users_costs_the_same_for_many_as_for_few(
    staff: Client, django_assert_max_num_queries: Any, password_hash: str
) -> None:
    recipes.user.make(_quantity=30, password=password_hash)
    with django_assert_max_num_queries(6):
        assert staff.get(LIST).status_code == 200


def test_the_page_of_a_user_costs_few_queries(staff: Client, alice: User, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        assert staff.get(page(alice)).status_code == 200


def test_staff_add_a_user_who_can_sign_in(staff: Client, login: Callable[..., Any]) -> None:
    body = {"email": "dave@example.com", "full_name": "Dave", "role": "service"}
    answer = staff.post(f"{LIST}add/", body | {"password1": PASSWORD, "password2": PASSWORD})
    assert answer.status_code == 302, answer.context["errors"]
    dave = User.objects.get(email="dave@example.com")
    assert (dave.role, dave.is_active, dave.is_staff) == (Role.SERVICE, True, False)
    assert login(dave)


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "ALICE@example.com"},
        {"email": "none"},
        {"full_name": "a\u202eb"},
        {"role": "king"},
        {"password2": "another one 42"},
        {"password1": "123456", "password2": "123456"},
        {"password1": "p" * 129, "password2": "p" * 129},
    ],
)
@pytest.mark.usefixtures("alice")
def test_the_form_refuses_to_add_a_bad_user(staff: Client, wrong: dict[str, str]) -> None:
    body = {"email": "dave@example.com", "full_name": "Dave", "role": "user"}
    answer = staff.post(f"{LIST}add/", body | {"password1": PASSWORD, "password2": PASSWORD} | wrong)
    assert answer.status_code == 200
    assert User.objects.count() == 2


def test_staff_disable_and_enable_on_the_form(staff: Client, alice: User) -> None:
    pair = tokens.open_family(user=alice)
    assert save(staff, alice, form(alice, is_active=None)).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_active, alice.disabled_at is None) == (False, False)
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    assert save(staff, alice, form(alice)).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_active, alice.disabled_at) == (True, None)


def test_staff_enable_a_user_who_never_opened_the_link(staff: Client) -> None:
    dave, _ = services.register(email="dave@example.com", password=PASSWORD)
    assert save(staff, dave, form(dave)).status_code == 302
    dave.refresh_from_db()
    assert dave.is_active
    assert dave.activated_at is not None


def test_a_change_of_rights_needs_a_reason_which_is_kept(staff: Client, admin: User, alice: User) -> None:
    for rights in ({"role": "service"}, {"is_active": None}, {"support": "on"}):
        answer = save(staff, alice, form(alice, reason="", **rights))
        assert answer.context["adminform"].form.errors == {"reason": ["Say why."]}
    assert save(staff, alice, form(alice, role="service")).status_code == 302
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (admin, str(alice.pk))
    assert entry.get_change_message() == "Changed role from user to service. Reason: asked by phone"


def action(user: User | list[User], name: str) -> str:
    users = user if isinstance(user, list) else [user]
    return f"{LIST}{name}/?{'&'.join(f'id={one.pk}' for one in users)}"


def test_the_page_asks_before_it_disables_and_says_whom(staff: Client, admin: User, alice: User, bob: User) -> None:
    pair = tokens.open_family(user=alice)
    answer = staff.post(LIST, {"action": "disable", "_selected_action": [alice.pk, bob.pk]})
    assert answer["Location"] == action([alice, bob], "disable")
    body = staff.get(answer["Location"]).content.decode()
    assert "alice@example.com" in body
    assert "bob@example.com" in body
    assert User.objects.filter(is_active=False).count() == 0
    done = staff.post(answer["Location"], {"reason": "stolen phone"}, follow=True).content.decode()
    assert "“alice@example.com”: Disabled." in done
    assert "“bob@example.com”: Disabled." in done
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    entry = LogEntry.objects.get(object_id=str(alice.pk))
    assert (entry.user, entry.change_message) == (admin, "Disabled. Reason: stolen phone")
    assert "stolen phone" in staff.get(page(alice, "history")).content.decode()


def test_staff_enable_with_a_reason(staff: Client, alice: User) -> None:
    services.disable_user(user_id=alice.pk, by=None)
    assert "Enable…" in staff.get(page(alice)).content.decode()
    assert staff.post(action(alice, "enable"), {"reason": ""}).context["form"].errors.keys() == {"reason"}
    assert staff.post(action(alice, "enable"), {"reason": "found it"})["Location"] == page(alice)
    alice.refresh_from_db()
    assert alice.is_active


def test_staff_mail_a_new_link_to_who_waits_and_to_nobody_else(
    staff: Client, alice: User, mailoutbox: list[Any]
) -> None:
    dave, _ = services.register(email="dave@example.com", password=PASSWORD)
    OutgoingMail.objects.all().delete()
    assert "Resend the activation link…" in staff.get(page(dave)).content.decode()
    answer = staff.post(action([alice, dave], "resend-activation"), {"reason": "lost it"}, follow=True)
    while services.send_next_mail():
        pass
    assert [mail.to for mail in mailoutbox] == [["dave@example.com"]]
    assert "“alice@example.com”: Does not wait for activation." in answer.content.decode()
    assert LogEntry.objects.get().object_id == str(dave.pk)


def test_nobody_disables_or_demotes_himself(staff: Client, admin: User, alice: User) -> None:
    answer = staff.post(action([admin, alice], "disable"), {"reason": "a slip"}, follow=True)
    assert "“admin@example.com”: You cannot disable yourself." in answer.content.decode()
    refused = staff.post(action(admin, "disable"), {"reason": "a slip"})
    assert refused.context["form"].errors == {"__all__": ["You cannot disable yourself."]}
    save(staff, admin, form(admin, is_active=None, role="user", support="on"))
    admin.refresh_from_db()
    alice.refresh_from_db()
    assert (admin.is_active, admin.role, alice.is_active) == (True, Role.ADMIN, False)
    with pytest.raises(services.OwnAccount):
        services.disable_user(user_id=admin.pk, by=admin)
    with pytest.raises(services.OwnAccount):
        services.set_role(user_id=admin.pk, role=Role.USER, by=admin)


@pytest.mark.parametrize("query", ["", "?id=", "?id=x", "?id=0", f"?id={2**63}", "?id=-1"])
def test_nothing_chosen_is_nothing_done(staff: Client, query: str, admin: User) -> None:
    answer = staff.post(f"{LIST}disable/{query}", {"reason": "a slip"}, follow=True)
    assert "Nothing was chosen." in answer.content.decode()


def test_a_deleted_user_stays_as_he_is(staff: Client, alice: User) -> None:
    services.anonymise_user(user_id=alice.pk, by=None)
    alice.refresh_from_db()
    assert save(staff, alice, form(alice)).status_code == 403
    answer = staff.post(action(alice, "enable"), {"reason": "come back"})
    assert "This user was deleted" in answer.content.decode()


# --- support --------------------------------------------------------------------------------------------------


def test_staff_makes_support_of_a_user_and_takes_it_back(staff: Client, alice: User) -> None:
    assert save(staff, alice, form(alice, support="on")).status_code == 302
    alice = User.objects.get(pk=alice.pk)
    assert (alice.is_staff, alice.is_superuser, alice.role, services.is_support(alice)) == (True, False, "user", True)
    assert save(staff, alice, form(alice, support="on", full_name="Alice A")).status_code == 302
    assert services.is_support(alice)
    assert save(staff, alice, form(alice)).status_code == 302
    alice = User.objects.get(pk=alice.pk)
    assert (alice.is_staff, alice.groups.count()) == (False, 0)


@pytest.mark.parametrize("role", ["service", "admin"])
def test_only_an_ordinary_user_becomes_support(staff: Client, alice: User, role: str) -> None:
    answer = save(staff, alice, form(alice, role=role, support="on"))
    assert "support" in answer.context["adminform"].form.errors
    services.set_role(user_id=alice.pk, role=Role(role), by=None)
    with pytest.raises(services.NotAnOrdinaryUser):
        services.set_support(user_id=alice.pk, on=True)


def test_another_role_ends_support_and_the_same_does_not(alice: User) -> None:
    services.set_support(user_id=alice.pk, on=True)
    services.set_role(user_id=alice.pk, role=Role.USER, by=None)
    assert services.is_support(User.objects.get(pk=alice.pk))
    for role in (Role.SERVICE, Role.USER):
        services.set_role(user_id=alice.pk, role=role, by=None)
        assert not User.objects.get(pk=alice.pk).is_staff


def test_support_stays_an_admin_when_it_is_taken_from_one(admin: User) -> None:
    services.set_support(user_id=admin.pk, on=False)
    assert User.objects.get(pk=admin.pk).is_staff


def test_staff_change_role_name_and_email(staff: Client, alice: User) -> None:
    changed = {"role": "admin", "full_name": "Alice the Great", "email": "great@example.com"}
    assert save(staff, alice, form(alice, **changed)).status_code == 302
    alice.refresh_from_db()
    assert (alice.role, alice.full_name, alice.email) == ("admin", "Alice the Great", "great@example.com")
    assert alice.is_staff


@pytest.mark.usefixtures("bob")
def test_the_form_refuses_an_email_that_is_taken(staff: Client, alice: User) -> None:
    answer = save(staff, alice, form(alice, email="BOB@example.com"))
    assert answer.status_code == 200
    assert "This email is taken." in answer.content.decode()


def test_the_form_leaves_alone_what_it_only_shows(staff: Client, alice: User) -> None:
    save(staff, alice, form(alice, token_epoch=9, id=77, created_at="2001-01-01", is_superuser="on"))
    after = User.objects.get(pk=alice.pk)
    assert (after.token_epoch, after.created_at, after.is_superuser) == (0, alice.created_at, False)


def test_staff_set_a_password_and_end_the_tokens(staff: Client, alice: User, login: Callable[..., Any]) -> None:
    pair = tokens.open_family(user=alice)
    assert staff.get(page(alice, "password")).status_code == 200
    answer = staff.post(page(alice, "password"), {"password1": NEW, "password2": NEW})
    assert answer.status_code == 302
    assert not TokenFamily.objects.filter(user=alice, ended_at__isnull=True).exists()
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    alice.refresh_from_db()
    assert login(alice, NEW)


@pytest.mark.parametrize("password", ["123456", "alice@example.com", "p" * 129, ""])
def test_the_form_refuses_a_weak_password(staff: Client, alice: User, password: str) -> None:
    answer = staff.post(page(alice, "password"), {"password1": password, "password2": password})
    assert answer.status_code == 200
    assert User.objects.get(pk=alice.pk).password == alice.password


def test_staff_stay_signed_in_when_they_change_their_own_password(
    client: Client, admin: User, with_password: Callable[[User], User]
) -> None:
    client.force_login(with_password(admin))
    pair = tokens.open_family(user=admin)
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post("/admin/password_change/", body).status_code == 302
    assert client.get(LIST).status_code == 200
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401


def test_a_stolen_cookie_is_no_place_to_guess_the_password(
    client: Client,
    admin: User,
    with_password: Callable[[User], User],
    throttle_rate: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttle_rate(password="2/min")
    client.force_login(with_password(admin))
    body = {"old_password": "wrong horse 42", "new_password1": NEW, "new_password2": NEW}
    answers = [client.post("/admin/password_change/", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert ("<h1>Too many requests" in answers[2].text, int(answers[2]["Retry-After"]) > 0) == (True, True)
    assert caplog.text.count("event=password_refused") == 2


@pytest.mark.parametrize("password", ["password123", "p" * 129])
def test_a_weak_own_password_is_refused_as_over_the_api(
    client: Client, admin: User, with_password: Callable[[User], User], password: str
) -> None:
    client.force_login(with_password(admin))
    body = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    assert client.post("/admin/password_change/", body).status_code == 200
    assert User.objects.get(pk=admin.pk).check_password(PASSWORD)


def test_staff_are_mailed_that_their_own_password_was_changed(
    client: Client, admin: User, with_password: Callable[[User], User]
) -> None:
    client.force_login(with_password(admin))
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    client.post("/admin/password_change/", body)
    assert [message.to for message in mailed()] == [[admin.email]]


def test_a_disabled_admin_is_out_at_once(staff: Client, admin: User) -> None:
    services.disable_user(user_id=admin.pk, by=None)
    assert staff.get(LIST).status_code == 302


def test_nobody_is_deleted(staff: Client, alice: User) -> None:
    assert staff.get(page(alice, "delete")).status_code == 403
    staff.post(LIST, {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"})
    assert User.objects.filter(pk=alice.pk).exists()


def test_no_password_hash_can_be_probed(staff: Client) -> None:
    assert staff.get(LIST, {"password__startswith": "argon2"}).status_code == 400


def test_a_session_of_before_a_user_was_disabled_stays_dead(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get(LIST).status_code == 200
    services.disable_user(user_id=admin.pk, by=None)
    services.enable_user(user_id=admin.pk)
    assert client.get(LIST).status_code == 302
    client.force_login(User.objects.get(pk=admin.pk))
    assert client.get(LIST).status_code == 200


def test_staff_who_set_their_own_password_stay_signed_in(staff: Client, admin: User) -> None:
    assert staff.post(page(admin, "password"), {"password1": NEW, "password2": NEW}).status_code == 302
    assert staff.get(LIST).status_code == 200
