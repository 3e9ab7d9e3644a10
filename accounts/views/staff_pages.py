"""The staff site for who cannot sign in: the page that mails a link to a new password."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView, TemplateView
from rest_framework.exceptions import Throttled

from accounts import services
from accounts.throttling import seconds_to_wait
from accounts.validators import EMAIL_MAX_LENGTH


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label=_("Email"), max_length=EMAIL_MAX_LENGTH, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    PageBase = FormView[ForgottenPasswordForm]
else:
    PageBase = FormView


class ForgottenPasswordPage(PageBase):
    """Django's own page around our service; its login page leads here. What it answers is the same for everybody."""

    form_class = ForgottenPasswordForm
    template_name = "registration/password_reset_form.html"
    success_url = reverse_lazy("admin_password_reset_done")
    extra_context = {"title": _("Forgotten password")}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if seconds := seconds_to_wait("password_reset", request):
            raise Throttled(wait=seconds)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: ForgottenPasswordForm) -> Any:
        services.request_password_reset(email=form.cleaned_data["email"])
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return admin.site.each_context(self.request) | super().get_context_data(**kwargs)


class ForgottenPasswordDonePage(TemplateView):
    template_name = "registration/password_reset_done.html"
    extra_context = {"title": _("A link is on its way")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return admin.site.each_context(self.request) | super().get_context_data(**kwargs)
