"""Forms that know what they showed, so that nobody overwrites another's change. Refusals are shown on the page."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import display_for_field, unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:  # Django's own classes take no type argument at run time.
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm

RELOAD = _("Load the page again to see it as it is now.")
_SALT = "staff.stale_forms"


class DigestsField(forms.CharField):
    """A digest of each value that the form showed. No secret can be read from it. It is no change by itself."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(label="", max_length=5_000, required=False)

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ARG002
        return False


class StaleGuard:
    """Mixed into a ModelForm: refuses it if the object has changed since the form was shown. The row is locked by then.

    `compared` names columns that no field edits, but whose change makes the form stale. `refused` is the error of a
    service or of PostgreSQL when this form was carried out a moment ago. A form without the hidden field comes from a
    program. It was never shown, so there is nothing to compare.
    """

    compared: ClassVar[tuple[str, ...]] = ()
    refused: ClassVar[tuple[str | None, str] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        form = cast("ModelForm", self)
        self.now: dict[str, str] = {}
        if not form.instance._state.adding:
            self.now = digests(form, self.compared)
            form.fields["shown"] = DigestsField()
            form.initial["shown"] = write_digests(self.now)

    def clean(self) -> dict[str, Any] | None:
        form = cast("ModelForm", self)
        if "shown" in form.fields and self.is_guarded() and form.add_prefix("shown") in form.data:
            at, before = read_digests(form.cleaned_data.get("shown", ""))
            changed = [
                name for name, value in self.now.items() if not constant_time_compare(before.get(name, ""), value)
            ]
            if changed:
                form.add_error(self.blamed(), describe_stale_fields(form, changed, since=at))
        return super().clean()  # type: ignore[misc,no-any-return]  # the form it stands in front of

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the form it stands in front of
        form = cast("ModelForm", self)
        if self.refused and not form.errors and self.is_guarded():
            field, text = self.refused
            form.add_error(field if field in form.fields else None, text)

    def is_guarded(self) -> bool:
        return True

    def blamed(self) -> str | None:
        """Return the field beside which the error is shown. None: above all fields."""
        return None


class StaleRowGuard(StaleGuard):
    """The same for a row of a list. A row that staff did not change is not compared."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in cast("ModelForm", self).fields.items():
            field.widget.attrs.setdefault("aria-label", f"{field.label}: {cast('ModelForm', self).instance}")
            field.show_hidden_initial = name not in ("shown", cast("ModelForm", self)._meta.model._meta.pk.name)

    def is_guarded(self) -> bool:
        return bool(cast("ModelForm", self).changed_data)

    def blamed(self) -> str | None:
        return next(iter(cast("ModelForm", self).fields))


def digests(form: ModelForm, compared: tuple[str, ...]) -> dict[str, str]:
    """Return a keyed digest of each value that the form shows, and of each column in `compared`."""
    values = {name: _value(form, name) for name, field in form.fields.items() if not field.disabled}
    values |= {name: _value(form, name) for name in compared}
    return {name: salted_hmac(_SALT, f"{name}={value!s}").hexdigest()[:16] for name, value in values.items()}


def _value(form: ModelForm, name: str) -> Any:
    """Return the column's stored value. For a field that is no column, the form's initial value."""
    column = _column(form, name)
    return (
        form.get_initial_for_field(form.fields[name], name)
        if column is None
        else column.value_from_object(form.instance)
    )


def _column(form: ModelForm, name: str) -> "models.Field[Any, Any] | None":
    try:
        column = form._meta.model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return column if isinstance(column, models.Field) else None


def write_digests(digests: dict[str, str]) -> str:
    return " ".join([str(int(time.time())), *(f"{name}={digest}" for name, digest in digests.items())])


def read_digests(text: str) -> tuple[datetime, dict[str, str]]:
    """Return the time at which the form says that it was shown, and the digests. Made-up text matches nothing."""
    moment, *pairs = text.split(" ")
    seconds = int(moment) if moment.isascii() and moment.isdigit() and len(moment) < 11 else 0
    return datetime.fromtimestamp(seconds, UTC), {
        name: digest for name, __, digest in (pair.partition("=") for pair in pairs)
    }


def describe_stale_fields(form: ModelForm, changed: list[str], *, since: datetime) -> str:
    """Say who changed the object, when, and its values now, without those of secrets."""
    who = _last_change(form.instance, since)
    values = ", ".join(_describe_value(form, name) for name in changed if name in form.fields)
    now = gettext("Now: %(values)s.") % {"values": values} if values else ""
    return " ".join(text for text in (_describe_change(who), now, str(RELOAD)) if text)


def _describe_change(who: LogEntry | None) -> str:
    if who is None:
        return gettext("This was changed meanwhile.")
    text = gettext("This was changed meanwhile by %(user)s at %(time)s UTC.")
    return text % {"user": who.user, "time": f"{who.action_time:%Y-%m-%d %H:%M:%S}"}


def _last_change(instance: models.Model, since: datetime) -> LogEntry | None:
    about = ContentType.objects.get_for_model(instance)
    entries = LogEntry.objects.filter(content_type=about, object_id=str(instance.pk), action_time__gte=since)
    return entries.select_related("user").order_by("-pk").first()


def _describe_value(form: ModelForm, name: str) -> str:
    field, column, value = form.fields[name], _column(form, name), _value(form, name)
    label = str(field.label or name.replace("_", " ")).lower()
    if isinstance(field.widget, forms.PasswordInput):
        return gettext("another %(field)s") % {"field": label}
    if isinstance(value, bool):
        return f"{label} {gettext('yes') if value else gettext('no')}"
    text = display_for_field(value, column, gettext("none")) if column else value
    return f"{label} {str(text)[:80]}"


class GuardedAdmin(ModelAdmin):
    """An admin whose forms are compared with the object under the lock of its row, before anything is changed.

    When a service or PostgreSQL refuses the change, the form shows why, with everything that was typed. So a second
    click on Save shows an error on the page, and no JSON.
    """

    compared: ClassVar[tuple[str, ...]] = ()

    def lock(self, ids: list[Any]) -> None:
        """Lock the rows, by ascending id, so that nothing changes between comparing and saving."""
        rows = self.model._default_manager.select_for_update(no_key=True).filter(pk__in=ids)
        list(rows.order_by("pk").values_list("pk"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return self._guarded(super().get_form(request, obj, change=change, **kwargs), StaleGuard, request)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return self._guarded(super().get_changelist_form(request, **kwargs), StaleRowGuard, request)

    def _guarded(self, form: Any, guard: type[StaleGuard], request: HttpRequest) -> Any:
        refused = getattr(request, "refused_a_moment_ago", None)
        return type(form)(form.__name__, (guard, form), {"compared": self.compared, "refused": refused})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            with transaction.atomic():
                if request.method == "POST" and object_id and self.has_change_permission(request):
                    self.lock(self._keys([unquote(object_id)]))
                return super().changeform_view(request, object_id, form_url, extra_context)
        except Exception as error:
            if not self._becomes_form_error(request, error):
                raise
            return super().changeform_view(request, object_id, form_url, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method != "POST" or "_save" not in request.POST or not self.list_editable:
            return super().changelist_view(request, extra_context)
        pk = self.model._meta.pk.name
        typed = [
            str(text) for name, text in request.POST.items() if name.startswith("form-") and name.endswith(f"-{pk}")
        ]
        try:
            with transaction.atomic():
                self.lock(self._keys(typed))
                answer = super().changelist_view(request, extra_context)
        except Exception as error:
            if not self._becomes_form_error(request, error):
                raise
            answer = super().changelist_view(request, extra_context)
        return with_submitted_rows(answer)

    def _keys(self, texts: list[str]) -> list[Any]:
        """Return the texts as keys, without those that are no key."""
        keys = []
        for text in texts:
            try:
                keys.append(self.model._meta.pk.to_python(text))
            except ValidationError:
                continue
        return keys

    def _becomes_form_error(self, request: HttpRequest, error: Exception) -> bool:
        """Keep the error for the form, which is processed once more to show it. Nothing was done the first time."""
        say = getattr(self.admin_site, "refusal", None)
        text = (
            gettext("Somebody did the same at this moment.")
            if isinstance(error, IntegrityError)
            else say and say(error)
        )
        if request.method != "POST" or not text or hasattr(request, "refused_a_moment_ago"):
            return False
        field = getattr(error, "field", None)
        request.refused_a_moment_ago = (field, text)  # type: ignore[attr-defined]  # for `_guarded` alone
        return True


def with_submitted_rows(answer: Any) -> HttpResponse:
    """Show a refused list with the rows that were sent. The list may have other rows by now."""
    changes = getattr(answer, "context_data", None) and answer.context_data.get("cl")
    if changes and changes.formset and changes.formset.is_bound:
        changes.result_list = [form.instance for form in changes.formset.forms]
    return cast("HttpResponse", answer)
