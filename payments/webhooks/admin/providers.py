"""Providers. A secret goes in and never comes out again: no form, list, history or log shows it."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html, format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.refusals import line_of
from payments.webhooks import provider_secrets, services
from payments.webhooks.models import Provider
from payments.webhooks.presets import PRESETS
from staff.columns import ListColumn, Status, Text, When, Word
from staff.service_forms import InstructionField, ServiceAdmin

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelForm = forms.ModelForm[Provider]
else:
    ModelForm = forms.ModelForm


SETTINGS = ("slug", "scheme", "currency", "is_active", "requires_uuid", "max_amount")
SIGNATURE = ("signature_header", "signature_algorithm", "signature_encoding", "signature_prefix")
FIELD_MAP = (
    *("event_type_pointer", "credited_types", "transaction_id_pointer", "amount_pointer", "amount_unit"),
    *("currency_pointer", "user_pointer", "wallet_pointer"),
)


class SecretField(forms.CharField):
    """Write-only: what stands in the database is never rendered, and nothing typed means nothing changed."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 60})
        super().__init__(max_length=255, widget=widget, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ARG002
        return bool(data)


class ProviderForm(ModelForm):
    secret = SecretField(
        required=False, help_text=format_lazy(_("Random, of at least {count} bytes."), count=provider_secrets.MIN_BYTES)
    )
    make_secret = InstructionField(
        required=False, label=_("Make one for me"), help_text=_("A random secret, shown once when this is saved.")
    )
    keep_old = InstructionField(
        required=False,
        initial=True,
        label=_("Keep accepting the present secret"),
        help_text=_("Until the rotation is ended (an action of the list)."),
    )

    class Meta:
        model = Provider
        fields = (*SETTINGS, *SIGNATURE, *FIELD_MAP, "secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["secret"].label = _("New secret")
            self.fields["secret"].help_text = _("Starts a rotation. Leave empty to keep the present one.")

    @property
    def generated_secret(self) -> str:
        return self._generated_secret

    @property
    def new_secret(self) -> str:
        """What was typed or made; empty when the present one stays."""
        return str(self.cleaned_data.get("secret", "")) if self._has_new_secret else ""

    def clean(self) -> dict[str, Any] | None:
        """Two accepted secrets are of one scheme."""
        self._clean_secret()
        if self.instance.pk and "scheme" in self.changed_data:
            is_old_kept = self._has_new_secret and bool(self.cleaned_data.get("keep_old"))
            for field, text in services.errors_of_new_scheme(self.instance, is_old_kept=is_old_kept).items():
                self.add_error(field, text)
            self.instance.previous_secret = ""  # of a copy that is not saved: no field of the form shows it
        return super().clean()

    def _clean_secret(self) -> None:
        typed, scheme = self.cleaned_data.get("secret", ""), self.cleaned_data.get("scheme", "")
        self._generated_secret = provider_secrets.make(scheme) if self.cleaned_data.get("make_secret") else ""
        self._has_new_secret = bool(typed or self._generated_secret)
        self.cleaned_data["secret"] = self._generated_secret or typed or self.instance.secret
        if typed and self._generated_secret:
            self.add_error("make_secret", gettext("Either type a secret or have one made."))
        elif not self.cleaned_data["secret"]:
            self.add_error("secret", gettext("Type a secret, or have one made."))
        elif scheme and (typed or "scheme" in self.changed_data):
            self._check(self.cleaned_data["secret"], scheme)

    def _check(self, secret: str, scheme: str) -> None:
        try:
            services.check_secret(secret, scheme=scheme)
        except ValidationError as error:
            self.add_error(None, error)


_POINTERS = _(
    "JSON pointers (RFC 6901) into the provider's document. A value that is missing makes the notice malformed."
)


def _preset_links() -> str:
    """Return what fills the form without JavaScript."""
    page = reverse("admin:payments_provider_add")
    links = format_html_join(
        " · ", '<a href="{}?preset={}">{}</a>', ((page, key, it.label) for key, it in PRESETS.items())
    )
    return format_html(gettext("Begin with a preset: {}"), links)


STATES = {
    True: Word(_("On"), "good", _("Its notices credit wallets.")),
    False: Word(_("Off"), "quiet", _("Its notices are refused.")),
}
ROTATION = {
    True: Word(_("Being rotated"), "wait", _("The secret before is accepted too, until the rotation is ended.")),
}


@admin.register(Provider)
class ProviderAdmin(ServiceAdmin):
    form = ProviderForm
    list_display = ("state", "short_slug", "currency_code", "short_scheme", "rotating", "changed")
    list_display_links = ("short_slug",)
    list_filter = ("is_active", "scheme")
    search_fields = ("slug",)
    search_help_text = _("Slug")
    autocomplete_fields = ("currency",)
    export_fields = (
        *("id", "slug", "scheme", "currency_id", "is_active", "requires_uuid", "max_amount", "updated_at"),
        *SIGNATURE,
        *FIELD_MAP,
    )
    export_places = "currency__decimal_places"
    state = Status(_("state"), "is_active", STATES, order="is_active")
    short_slug = Text(_("name in addresses"), "slug", order="slug")
    currency_code = ListColumn(_("currency"), "currency_id", order="currency")
    short_scheme = Text(_("how it signs"), lambda provider: provider.get_scheme_display(), order="scheme")
    rotating = Status(_("secret"), lambda provider: bool(provider.previous_secret) or None, ROTATION)
    changed = When(_("changed (UTC)"), "updated_at", order="updated_at")
    empty_state = _("A provider sends signed notices of payments. Add one with the secret that you agreed on.")
    actions = ("end_rotation",)
    readonly_fields = ("rotating", "updated_at")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """A list narrowed by the first letters of a secret would spell it out."""
        return "secret" not in lookup and super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        form = (
            (_("Signature, of the scheme HMAC over the body"), {"fields": SIGNATURE}),
            (
                _("Where the fields stand, of Stripe and HMAC over the body"),
                {"fields": FIELD_MAP, "description": _POINTERS},
            ),
        )
        if obj is None:
            fields = {"fields": (*SETTINGS, "secret", "make_secret"), "description": _preset_links()}
            return ((None, fields), *form)
        if not self.has_change_permission(request, obj):  # Django would render the secret as text
            return ((None, {"fields": (*SETTINGS, "rotating", "updated_at")}), *form)
        rotation = {
            "fields": ("secret", "make_secret", "keep_old", "rotating", "updated_at"),
            "description": _("The present secret is never shown. A new one becomes active at once."),
        }
        return ((None, {"fields": SETTINGS}), (_("Secret"), rotation), *form)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with a preset, `?preset=stripe`, and let the address change its values."""
        initial = super().get_changeform_initial_data(request)
        preset = PRESETS.get(str(initial.pop("preset", "")))
        return {**preset.values, **initial} if preset else initial

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        staff = cast("User", request.user)
        if not change:
            services.add_provider(provider=obj, staff=staff)
        else:
            self._save_change(obj, form, staff)
        obj.generated_secret = form.generated_secret  # type: ignore[attr-defined] # for the answer to this request alone

    def _save_change(self, provider: Provider, form: Any, staff: User) -> None:
        changed = [name for name in form.changed_data if name != "secret"]
        if changed:
            services.change_provider(provider=provider, fields=changed, staff=staff)
        if form.new_secret:
            keep_old = form.cleaned_data["keep_old"]
            services.rotate_secret(provider_id=provider.pk, secret=form.new_secret, keep_old=keep_old, staff=staff)

    def response_add(self, request: HttpRequest, obj: Provider, post_url_continue: Any = None) -> Any:
        return self._show_once(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Provider) -> Any:
        return self._show_once(request, obj) or super().response_change(request, obj)

    def _show_once(self, request: HttpRequest, provider: Provider) -> HttpResponseBase | None:
        """Return the page with a secret that was made; no message, for a cookie keeps it until it is read."""
        if not (secret := getattr(provider, "generated_secret", "")):
            return None
        context = {**self.admin_site.each_context(request), "title": gettext("The new secret"), "provider": provider}
        page = TemplateResponse(request, "admin/new_secret.html", {**context, "secret": secret, "opts": self.opts})
        add_never_cache_headers(page)
        return page

    @admin.action(description=_("End the rotation: accept only the active secret"), permissions=["change"])
    def end_rotation(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            if services.end_rotation(provider_id=provider.pk, staff=cast("User", request.user)):
                text = gettext("%(provider)s: only the active secret is accepted now.")
                self.message_user(request, text % {"provider": provider})
            else:
                text = gettext("%(provider)s: no rotation was under way.")
                self.message_user(request, text % {"provider": provider}, messages.WARNING)

    # --- deleting: only what never sent a notice, one at a time ---

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:
        services.remove_provider(provider_id=obj.pk, staff=cast("User", request.user))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Looks for notices first: Django would list every one of them as protected."""
        provider = self.get_object(request, unquote(object_id))
        if provider and services.has_events(provider_id=provider.pk):
            return self._refuse_deletion(request, object_id)
        try:
            return super().delete_view(request, object_id, extra_context)
        except services.ProviderInUse:
            return self._refuse_deletion(request, object_id)

    def _refuse_deletion(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        self.message_user(request, line_of(services.ProviderInUse), messages.ERROR)
        return redirect("admin:payments_provider_change", object_id)
