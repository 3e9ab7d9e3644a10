"""Providers. A secret goes in and never comes out again: no form, list, history or log shows it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from payments.admin.asking import ChoiceOfTheMoment
from payments.admin.showing import StaffAdmin
from payments.models import Provider
from payments.services import providers

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelForm = forms.ModelForm[Provider]
else:
    ModelForm = forms.ModelForm


class SecretField(forms.CharField):
    """Write-only: what stands in the database is never rendered, and nothing typed means nothing changed."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 60})
        super().__init__(max_length=255, widget=widget, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ARG002
        return bool(data)


class ProviderForm(ModelForm):
    secret = SecretField()
    keep_old = ChoiceOfTheMoment(
        required=False,
        initial=True,
        label="Keep accepting the present secret",
        help_text="Until the rotation is ended (an action of the list).",
    )

    class Meta:
        model = Provider
        fields = ("slug", "scheme", "currency", "is_active", "requires_uuid", "max_amount", "secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["secret"].required = False
            self.fields["secret"].label = "New secret"
            self.fields["secret"].help_text = "Starts a rotation. Leave empty to keep the present one."

    def clean_secret(self) -> str:
        return str(self.cleaned_data["secret"] or self.instance.secret)

    def clean(self) -> dict[str, Any] | None:
        """Two accepted secrets are of one scheme."""
        if self.instance.pk and "scheme" in self.changed_data:
            if "secret" in self.changed_data and self.cleaned_data.get("keep_old"):
                self.add_error("keep_old", "The present secret belongs to the present scheme.")
            if self.instance.previous_secret:
                self.add_error("scheme", "End the rotation of the secret before you change the scheme.")
                self.instance.previous_secret = ""  # of a copy that is not saved: no field of the form shows it
        return super().clean()


@admin.register(Provider)
class ProviderAdmin(StaffAdmin):
    form = ProviderForm
    list_display = ("slug", "scheme", "currency_id", "is_active", "requires_uuid", "rotating", "updated_at")
    list_filter = ("is_active", "scheme")
    search_fields = ("slug",)
    search_help_text = "Slug"
    autocomplete_fields = ("currency",)
    export_fields = (
        *("id", "slug", "scheme", "currency_id", "is_active", "requires_uuid", "max_amount", "updated_at"),
    )
    export_places = "currency__decimal_places"
    empty_state = "A provider sends signed notices of payments. Add one with the secret that you agreed on."
    actions = ("end_rotation",)
    readonly_fields = ("rotating", "updated_at")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """A list narrowed by the first letters of a secret would spell it out."""
        return "secret" not in lookup and super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        settings = ("slug", "scheme", "currency", "is_active", "requires_uuid", "max_amount")
        if obj is None:
            return ((None, {"fields": (*settings, "secret")}),)
        if not self.has_change_permission(request, obj):  # Django would render the secret as text
            return ((None, {"fields": (*settings, "rotating", "updated_at")}),)
        rotation = {
            "fields": ("secret", "keep_old", "rotating", "updated_at"),
            "description": "The present secret is never shown. A new one becomes active at once.",
        }
        return ((None, {"fields": settings}), ("Secret", rotation))

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:  # noqa: ARG002
        if not change:
            providers.add_provider(provider=obj)
            return
        typed = form.cleaned_data["secret"] if "secret" in form.changed_data else ""
        settings = [name for name in form.changed_data if name != "secret"]
        if settings:
            providers.change_provider(provider=obj, fields=settings)
        if typed:
            providers.rotate_secret(provider_id=obj.pk, secret=typed, keep_old=form.cleaned_data["keep_old"])

    @admin.display(boolean=True, description="secret is being rotated")
    def rotating(self, provider: Provider) -> bool:
        return bool(provider.previous_secret)

    @admin.action(description="End the rotation: accept only the active secret", permissions=["change"])
    def end_rotation(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            if providers.end_rotation(provider_id=provider.pk):
                self.log_change(request, provider, "Ended the rotation of the secret.")
                self.message_user(request, f"{provider}: only the active secret is accepted now.")
            else:
                self.message_user(request, f"{provider}: no rotation was under way.", messages.WARNING)

    # --- deleting: only what never sent a notice, one at a time ---

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:  # noqa: ARG002
        providers.remove_provider(provider_id=obj.pk)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Looks for notices first: Django would list every one of them as protected."""
        provider = self.get_object(request, unquote(object_id))
        if provider and providers.has_events(provider_id=provider.pk):
            return self._refuse_deletion(request, object_id)
        try:
            return super().delete_view(request, object_id, extra_context)
        except providers.ProviderInUse:
            return self._refuse_deletion(request, object_id)

    def _refuse_deletion(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        self.message_user(request, str(providers.ProviderInUse.__doc__), messages.ERROR)
        return redirect("admin:payments_provider_change", object_id)
