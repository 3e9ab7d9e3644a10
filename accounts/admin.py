"""The staff site's pages of users. Every change goes through the services; the pages only ask and show."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from axes.models import AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import services, tokens
from accounts.models import Role, User
from api.plain_text import validate_plain_text

if TYPE_CHECKING:  # Django's own classes take no type argument at run time.
    AddFormBase = auth_forms.BaseUserCreationForm[User]
    ChangeFormBase = auth_forms.UserChangeForm[User]
    PasswordFormBase = auth_forms.AdminPasswordChangeForm[User]
    UserAdminBase = auth_admin.UserAdmin[User]
    UserForm = forms.ModelForm[User]
    PasswordMixin = auth_forms.SetPasswordMixin[User]
else:
    AddFormBase = auth_forms.BaseUserCreationForm
    ChangeFormBase = auth_forms.UserChangeForm
    PasswordFormBase = auth_forms.AdminPasswordChangeForm
    UserAdminBase = auth_admin.UserAdmin
    UserForm = forms.ModelForm
    PasswordMixin = auth_forms.SetPasswordMixin

MAX_SESSIONS = 50

# Roles decide here, not Django's groups; and axes keeps no logs (AXES_DISABLE_ACCESS_LOG), only its counters.
admin.site.unregister([Group, AccessLog, AccessFailureLog])


class AcceptablePassword(PasswordMixin):
    """Our rules on top of Django's, named on the form."""

    cleaned_data: dict[str, Any]

    def validate_password_for_user(self, user: User, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        password = self.cleaned_data.get("password2")
        if password:
            try:
                services.check_new_password(password=password, user=user)
            except services.WeakPassword as error:
                cast("forms.Form", self).add_error("password2", str(error))


class AddUserForm(AcceptablePassword, AddFormBase):
    """A new user, active at once."""

    class Meta:
        model = User
        fields = ("email", "full_name", "role")

    def save(self, commit: bool = True) -> User:  # noqa: ARG002
        """Keep the user for `UserAdmin.save_model`, which inserts it."""
        return super().save(commit=False)

    def save_m2m(self) -> None:
        """There is nothing many-to-many about a new user."""


class NewPasswordForm(AcceptablePassword, PasswordFormBase):
    """A password set by staff; it cannot be taken away, only replaced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        self.fields["password1"].required = self.fields["password2"].required = True

    def save(self, commit: bool = True) -> User:  # noqa: ARG002
        services.set_password(user=self.user, password=self.cleaned_data["password1"])
        return self.user


class WhyField(forms.CharField):
    """Says why; that is no change by itself."""

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ARG002
        return False


class ChangeUserForm(ChangeFormBase):
    support = forms.BooleanField(
        required=False, label=_("Support"), help_text=_("May look at everything here, and change nothing.")
    )
    reason = WhyField(
        required=False,
        max_length=200,
        validators=[validate_plain_text],
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text=_("Needed for a change of rights. Kept in the history, with your name and the time."),
    )
    rights: ClassVar[tuple[str, ...]] = ("role", "is_active", "support")

    class Meta:
        model = User
        fields = ("email", "full_name", "role", "is_active", "password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["support"].initial = services.is_support(self.instance)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if set(self.rights) & set(self.changed_data) and not self.cleaned_data.get("reason"):
            self.add_error("reason", gettext("Say why."))
        if self.cleaned_data.get("support") and self.cleaned_data.get("role", self.instance.role) != Role.USER:
            self.add_error("support", gettext("Only somebody with the role user can be support."))
        return cleaned


@admin.register(User)
class UserAdmin(UserAdminBase):
    """Users: find them, switch them on and off, give them roles and passwords.

    payments shows a user's money here and adds what is done with a reason: it registers a subclass of this class.
    """

    form = ChangeUserForm
    add_form = AddUserForm
    change_password_form = NewPasswordForm
    list_display = ("id", "email", "full_name", "role", "is_active", "created_at", "last_login")
    list_display_links = ("id", "email")
    list_filter = ("role", "is_active", "is_staff", "created_at")
    search_fields = ("email", "full_name", "=id")
    search_help_text = _("Email, name or id")
    date_hierarchy = None
    ordering = ("-id",)
    filter_horizontal = ()
    list_per_page = 50
    show_full_result_count = False
    readonly_fields: ClassVar[tuple[str, ...]] = (
        *("id", "activated_at", "disabled_at", "created_at", "last_login", "sessions"),
    )
    fieldsets: ClassVar[tuple[Any, ...]] = (
        (None, {"fields": ("id", "email", "full_name", "password")}),
        (_("Rights"), {"fields": ("role", "is_active", "support", "reason")}),
        (_("History"), {"fields": ("created_at", "activated_at", "disabled_at", "last_login")}),
        (_("Sessions"), {"fields": ("sessions",), "classes": ("till-latest",)}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "full_name", "role", "password1", "password2")}),
    )
    own_account_fields: ClassVar[tuple[str, ...]] = ("role", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:  # noqa: ARG002
        """Users are disabled: the ledger refers to them for ever."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Of a deleted user only what the books need is left."""
        return super().has_change_permission(request, obj) and not (obj is not None and obj.is_deleted)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave out what cannot be asked: of oneself, and of those who may only look, to whom no hash is shown."""
        if obj is None or not self.has_change_permission(request, obj):
            return _without(super().get_fieldsets(request, obj), "password", "support", "reason", "sessions")
        own = obj.pk == request.user.pk
        return _without(super().get_fieldsets(request, obj), *(("support", "reason") if own else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Staff cannot disable or demote themselves. The services refuse it too."""
        own = self.own_account_fields if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *own)

    @admin.display(description="")
    def sessions(self, user: User) -> str:
        lasting = tokens.lasting_logins(user_id=user.pk).order_by("-created_at")[:MAX_SESSIONS]
        return render_to_string("admin/sessions.html", {"sessions": lasting})

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:
        if change:
            self._change(cast("User", request.user), obj, form)
        else:
            services.insert_active_user(user=obj, role=Role(obj.role))

    def _change(self, staff: User, user: User, form: UserForm) -> None:
        changed = [name for name in ("email", "full_name") if name in form.changed_data]
        if changed:
            texts = {name: form.cleaned_data[name] for name in changed}
            services.update_user(user=user, **texts)
        if "role" in form.changed_data:
            services.set_role(user_id=user.pk, role=Role(form.cleaned_data["role"]), by=staff)
        if "support" in form.changed_data:
            services.set_support(user_id=user.pk, on=form.cleaned_data["support"])
        if "is_active" in form.changed_data:
            self._switch(staff, user, on=form.cleaned_data["is_active"])

    def _switch(self, staff: User, user: User, *, on: bool) -> None:
        if on:
            services.enable_user(user_id=user.pk)
        else:
            services.disable_user(user_id=user.pk, by=staff)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say what each value was and is, and why it was changed."""
        named = [name for name in ("email", "full_name", *ChangeUserForm.rights) if name in form.changed_data]
        if add or not named:
            return super().construct_change_message(request, form, formsets, add)
        texts = [f"{name} from {form.initial.get(name)} to {form.cleaned_data[name]}" for name in named]
        reason = form.cleaned_data.get("reason")
        return f"Changed {', '.join(texts)}.{f' Reason: {reason}' if reason else ''}"


def _without(fieldsets: Any, *hidden: str) -> list[tuple[str | None, dict[str, Any]]]:
    left = [
        (title, options | {"fields": [name for name in options["fields"] if name not in hidden]})
        for title, options in fieldsets
    ]
    return [(title, options) for title, options in left if options["fields"]]
