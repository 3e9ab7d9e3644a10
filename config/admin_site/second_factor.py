"""The second factor of staff: the code at the login, the page where they set it up, and who has to."""

from typing import Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import Throttled

from accounts import services
from accounts.models import User
from accounts.validators import PASSWORD_MAX_LENGTH
from api.refusals import text_of
from config.admin_site.own_password import seconds_to_wait_for_own_password

CODE_MAX_LENGTH = 40
#: What staff may open who have to set a second factor up first.
OPEN_WITHOUT = frozenset({"second_factor", "logout"})


class TypedCodeField(forms.CharField):
    """A code of an authenticator, or a recovery code."""

    def __init__(self, **options: Any) -> None:
        looks = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__(label=_("Code"), max_length=CODE_MAX_LENGTH, widget=forms.TextInput(attrs=looks), **options)


class StaffLoginForm(AdminAuthenticationForm):
    """The form of the login with one more field: a password manager fills all three at once."""

    code = TypedCodeField(
        required=False,
        help_text=_("Of your authenticator, or a recovery code. Leave it empty if you have no second factor."),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the code after the right password only, and count a wrong one as a failed login."""
        cleaned = super().clean()
        request = cast("HttpRequest", self.request)
        if (user := self.get_user()) is not None:
            try:
                services.check_second_factor(user=user, code=cleaned.get("code", ""), request=request)
            except services.SecondFactorRequired:
                self._refuse(_("Type your password again, and the code of your authenticator."))
            except (services.InvalidSecondFactor, services.TooManyWrongCodes, services.LoginLocked) as error:
                self._refuse(text_of(error))
        return cleaned

    def _refuse(self, text: Any) -> None:
        self.user_cache = None
        self.add_error("code", text)


class OwnPasswordField(forms.CharField):
    def __init__(self) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "current-password"})
        super().__init__(label=_("Password"), max_length=PASSWORD_MAX_LENGTH, strip=False, widget=widget)


class StepForm(forms.Form):
    """One thing that staff do about their own second factor."""

    step: ClassVar[str]
    title: ClassVar[Any]


class BeginForm(StepForm):
    step, title = "begin", _("Set it up")
    password = OwnPasswordField()


class ConfirmForm(StepForm):
    step, title = "confirm", _("Switch it on")
    code = TypedCodeField()


class RenewForm(StepForm):
    step, title = "renew", _("Get new recovery codes")
    password = OwnPasswordField()
    code = TypedCodeField()


class DisableForm(StepForm):
    step, title = "disable", _("Switch it off")
    password = OwnPasswordField()
    code = TypedCodeField()


REFUSALS = (
    *(services.WrongPassword, services.WrongCode, services.TooManyWrongCodes),
    *(services.SecondFactorEnabled, services.NoSecondFactor, services.NothingPending),
)


def must_set_up(request: HttpRequest) -> bool:
    """Tell whether this page is closed until the user has a second factor. Reads no table: the user is loaded."""
    if settings.TILL_STAFF_SECOND_FACTOR != "required" or cast("User", request.user).second_factor_at:
        return False
    return request.resolver_match is None or request.resolver_match.url_name not in OPEN_WITHOUT


class SecondFactorPage:
    """Of one request. A secret is shown once, in the answer to the password: a stolen cookie reads none."""

    def __init__(self, request: HttpRequest, context: dict[str, Any]) -> None:
        self.request, self.context = request, context | {"title": _("Second factor")}
        self.user = cast("User", request.user)

    def answer(self) -> HttpResponse:
        if self.request.method != "POST":
            return self._page(*self._unbound())
        if seconds := seconds_to_wait_for_own_password(self.request):
            raise Throttled(wait=seconds)
        for kind in (BeginForm, ConfirmForm, RenewForm, DisableForm):
            if self.request.POST.get("step") == kind.step:
                return self._take(kind(self.request.POST, auto_id=f"id_{kind.step}_%s"))
        return redirect("admin:second_factor")

    def _take(self, form: StepForm) -> HttpResponse:
        if form.is_valid():
            try:
                return self._perform(form)
            except REFUSALS as error:
                field = getattr(error, "field", None)
                form.add_error(field if field in form.fields else None, text_of(error))
        others = [other for other in self._unbound() if other.step != form.step]
        return self._page(form, *others)

    def _perform(self, form: StepForm) -> HttpResponse:
        data = form.cleaned_data
        match form.step:
            case "begin":
                self.context["enrolment"] = services.begin_second_factor(user=self.user, **data)
                return self._page(ConfirmForm(auto_id="id_confirm_%s"))
            case "confirm":
                self.context["recovery_codes"] = services.confirm_second_factor(user=self.user, **data)
                self._keep_session()
            case "renew":
                self.context["recovery_codes"] = services.renew_recovery_codes(user=self.user, **data)
            case _:
                services.disable_second_factor(user=self.user, **data)
                self._keep_session()
                messages.success(self.request, _("Your second factor is off."))
                return redirect("admin:second_factor")
        return self._page()

    def _keep_session(self) -> None:
        """Every token and session of the user has ended; this one goes on."""
        self.user.refresh_from_db()
        update_session_auth_hash(self.request, self.user)

    def _unbound(self) -> list[StepForm]:
        kinds = (RenewForm, DisableForm) if self.user.second_factor_at else (BeginForm,)
        return [kind(auto_id=f"id_{kind.step}_%s") for kind in kinds]

    def _page(self, *steps: StepForm) -> HttpResponse:
        since = self.user.second_factor_at
        self.context |= {
            "forms": steps,
            "since": since,
            "left": services.recovery_codes_left(user=self.user) if since else 0,
            "is_required": settings.TILL_STAFF_SECOND_FACTOR == "required" and not since,
        }
        return TemplateResponse(self.request, "admin/second_factor.html", self.context)
