"""API keys. A key is shown once, when it is made; afterwards only its prefix is."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.key_scopes import Scope
from accounts.models import ApiKey, Role, User
from accounts.services import UnknownUser
from payments.api_keys.services import InvalidKeyTerms, add_key, revoke_key
from payments.orders.services import NotAService
from staff.columns import Id, Link, Prose, Status, Text, When, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.service_forms import ServiceAdmin, ServiceForm


class RevokeAction(ConfirmedAction):
    name = "revoke"
    title = _("Revoke API keys")
    button = _("Revoke")
    explanation = _("From now on the service is refused with this key. It is for ever; another key can be made.")
    refusals: ClassVar[tuple[type[Exception], ...]] = (ApiKey.DoesNotExist,)

    def is_available(self, target: ApiKey) -> bool:
        return target.revoked_at is None

    def describe(self, target: ApiKey) -> str:
        return gettext("Is revoked already.") if target.revoked_at else ""

    def perform(self, *, target: ApiKey, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        revoke_key(key_id=target.pk, staff=staff, reason=data["reason"])
        return gettext("Revoked.")


class ApiKeyForm(ServiceForm):
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)
    networks = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "From where it may be used: CIDR blocks such as 203.0.113.0/24, one a line. Empty: from everywhere."
        ),
    )
    refusals = (InvalidKeyTerms, UnknownUser, NotAService)
    text: str = ""

    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes", "networks", "expires_at")

    def carry_out(self) -> ApiKey:
        data = self.cleaned_data
        key, self.text = add_key(
            user_id=data["user"].pk,
            name=data["name"],
            scopes=data["scopes"],
            networks=data["networks"].split(),
            expires_at=data["expires_at"],
            staff=self.staff,
        )
        return key


STATES = {
    "good": Word(_("Good"), "good", _("The service may sign its requests with it.")),
    "expired": Word(_("Expired"), "quiet", _("Its time is over.")),
    "revoked": Word(_("Revoked"), "quiet", _("Staff took it back, for ever.")),
}


def state_of(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= timezone.now() else "good"


class KeyStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(name, word.text) for name, word in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:  # noqa: ARG002
        revoked, expired = Q(revoked_at__isnull=False), Q(expires_at__lte=timezone.now())
        states = {"good": ~revoked & ~expired, "expired": ~revoked & expired, "revoked": revoked}
        return queryset.filter(states[str(self.value())]) if self.value() in states else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ConfirmedActionsMixin, ServiceAdmin):
    form = ApiKeyForm
    confirmed_actions = (RevokeAction,)
    list_display = ("state", "last_used", "of_service", "short_name", "short_prefix", "scopes_text", "expires")
    list_display_links = ("short_name", "short_prefix")
    list_filter = (KeyStateFilter, "expires_at", "last_used_at")
    list_select_related = ("user",)
    list_per_page = 50
    ordering = ("-id",)
    search_fields = ("prefix", "name", "=user__id", "user__email")
    search_help_text = _("Prefix, name, the service's id or email")
    export_fields = (
        *("id", "prefix", "name", "user_id", "user__email", "created_by_id", "created_at", "expires_at", "revoked_at"),
        "last_used_at",
    )
    state = Status(_("state"), state_of, STATES)
    last_used = When(_("last used (UTC)"), "last_used_at", order="last_used_at")
    of_service = Link(_("service"), "user", order="user_id")
    short_name = Text(_("name"), "name", order="name")
    short_prefix = Id(_("prefix"), "prefix", order="prefix")
    scopes_text = Prose(_("scopes"), lambda key: ", ".join(key.scopes))
    expires = When(_("expires (UTC)"), "expires_at", order="expires_at")
    empty_state = _("No service has an API key yet. With one it needs no password and no login.")
    page_fields: ClassVar[tuple[str, ...]] = (
        *("prefix", "name", "of_service", "scopes_text", "networks_text", "state"),
        *("created_by", "created_at", "expires_at", "revoked_at", "last_used_at"),
    )

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.page_fields if obj else ("user", "name", "scopes", "networks", "expires_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.page_fields if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """It is revoked; the row stays."""
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return "digest" not in lookup and super().lookup_allowed(lookup, value, request)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(role=Role.SERVICE).order_by("email")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: ARG002
        obj.text = form.text  # type: ignore[attr-defined]  # for the answer to this request alone

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponseBase:  # type: ignore[override]  # noqa: ARG002
        """Show the key on a page of its own; no message, for a cookie keeps it until it is read."""
        context = {**self.admin_site.each_context(request), "title": gettext("The new API key"), "opts": self.opts}
        page = TemplateResponse(
            request, "admin/new_api_key.html", {**context, "key": obj, "text": cast("Any", obj).text}
        )
        add_never_cache_headers(page)
        return page

    @admin.display(description=_("networks"))
    def networks_text(self, key: ApiKey) -> str:
        return ", ".join(key.networks) or str(_("everywhere"))
