"""The page where staff change their own password: the same rules, rate, log lines and notice as over the API."""

from typing import Any

from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from rest_framework.exceptions import Throttled
from rest_framework.settings import api_settings

from accounts import security_log, services
from accounts.models import User
from accounts.rate_limits import seconds_over
from accounts.security_log import SecurityEvent


def seconds_to_wait_for_own_password(request: HttpRequest) -> float:
    """Count a try of the own password, with those over the API; return how long to wait, or 0."""
    rate = str(api_settings.DEFAULT_THROTTLE_RATES["password"])
    return seconds_over(rate, key=f"password:user:{request.user.pk}")


class OwnPasswordForm(AdminPasswordChangeForm):
    """Django's form around our service."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_old_password(self) -> str:
        try:
            return str(super().clean_old_password())
        except ValidationError:
            security_log.record(SecurityEvent.PASSWORD_REFUSED, user_id=self.user.pk)
            raise

    def validate_password_for_user(self, user: User, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        if password := self.cleaned_data.get("new_password2"):
            try:
                services.check_new_password(password=password, user=user)
            except services.WeakPassword as error:
                self.add_error("new_password2", str(error))

    def save(self, commit: bool = True) -> User:  # noqa: ARG002
        """Change the password; the view then lets this session go on."""
        current, new = self.cleaned_data["old_password"], self.cleaned_data["new_password1"]
        services.change_password(user=self.user, current_password=current, new_password=new)
        self.user.refresh_from_db()
        return self.user


class OwnPasswordPage(PasswordChangeView):
    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if seconds := seconds_to_wait_for_own_password(request):
            raise Throttled(wait=seconds)
        return super().post(request, *args, **kwargs)
