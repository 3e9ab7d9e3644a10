"""Confirmed actions: a page names the objects and asks for a reason. Only then the action is performed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from api import refusals
from api.filters import id_or_none
from api.plain_text import validate_plain_text

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    from django.utils.functional import _StrOrPromise as Text

    ModelAdmin = admin.ModelAdmin[Any]
else:
    Text = str  # also one that is translated when it is read
    ModelAdmin = admin.ModelAdmin

#: A name and a value, which may be HTML that is safe.
Fact = tuple["Text", str]

MAX_AT_ONCE = 100
REASON_MAX_LENGTH = 200


def line_field(*, label: Any, help_text: Any, max_length: int, required: bool) -> forms.CharField:
    """Return a field for one line of plain text."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=max_length,
        required=required,
        validators=[validate_plain_text],
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


class ReasonForm(forms.Form):
    reason = line_field(
        label=_("Reason"),
        help_text=_("Kept in the history, with your name and the time."),
        max_length=REASON_MAX_LENGTH,
        required=True,
    )


class ConfirmedAction:
    """One thing that staff may do to the objects of a list. Its permission is Django's for the model."""

    name: ClassVar[str]
    title: ClassVar[Text]
    #: What the buttons say.
    button: ClassVar[Text]
    explanation: ClassVar[Text] = ""
    permission: ClassVar[str] = "change"
    form_class: ClassVar[type[ReasonForm]] = ReasonForm
    one_at_a_time: ClassVar[bool] = False
    #: Each row of the list leads there too.
    in_row: ClassVar[bool] = False
    #: Errors that refuse one object: the page says so, and the other objects go on.
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def is_available(self, target: Any) -> bool:  # noqa: ARG002
        """Tell whether the object's own page offers it."""
        return True

    def is_offered(self, target: Any, staff: User) -> bool:  # noqa: ARG002
        """Tell whether this member of staff is led there from the object's page and row."""
        return self.is_available(target)

    def describe(self, target: Any) -> str:  # noqa: ARG002
        """Say what will happen to this object, or why it will not."""
        return ""

    def facts(self, target: Any) -> list[Fact]:  # noqa: ARG002
        """Return what to know of a single object before deciding about it."""
        return []

    def initial(self, targets: Sequence[Any]) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def perform(self, *, target: Any, staff: User, data: dict[str, Any], request: HttpRequest) -> str:
        """Do it in an atomic block of its own, with a note in the history; return the outcome for the page."""
        raise NotImplementedError


class ConfirmedActionsMixin(ModelAdmin):
    """Offers each of `confirmed_actions` on the list (as an action) and on an object's page (as a button)."""

    confirmed_actions: ClassVar[tuple[type[ConfirmedAction], ...]] = ()
    #: The column of the list under whose text the links of a row stand.
    row_actions_in: ClassVar[str] = "state"

    def get_urls(self) -> list[URLPattern]:
        return [*(self._confirm_path(action()) for action in self.confirmed_actions), *super().get_urls()]

    def may_perform(self, request: HttpRequest, action: ConfirmedAction | type[ConfirmedAction]) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{action.permission}_{self.opts.model_name}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        for_lists = [action() for action in self.confirmed_actions if not action.one_at_a_time]
        offered = [action for action in for_lists if self.may_perform(request, action)]
        return super().get_actions(request) | {
            action.name: (self._list_action(action), action.name, f"{action.title}…") for action in offered
        }

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        target = context.get("original")
        actions = [action() for action in self.confirmed_actions] if target else []
        context["confirmed_actions"] = [
            (action.button, self.confirm_address(action, [target.pk]))
            for action in actions
            if self.may_perform(request, action) and action.is_offered(target, cast("User", request.user))
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Lead from each row to the actions that are for rows, beneath what the column `row_actions_in` shows."""
        in_rows = [action() for action in self.confirmed_actions if action.in_row]
        actions = [action for action in in_rows if self.may_perform(request, action)]
        columns = super().get_list_display(request)
        if not actions:
            return columns
        with_actions = self._with_row_actions(actions, cast("User", request.user))
        return [with_actions if column == self.row_actions_in else column for column in columns]

    def _with_row_actions(self, actions: Sequence[ConfirmedAction], staff: User) -> Callable[[Any], str]:
        """Return the column with the links. A column of their own would not fit into a laptop's window."""
        column: Any = getattr(self, self.row_actions_in)

        @admin.display(description=column.short_description, ordering=column.admin_order_field)
        def state(target: Any) -> str:
            links = [
                (self.confirm_address(action, [target.pk]), f"{action.button}: {target}", action.button)
                for action in actions
                if action.is_offered(target, staff)
            ]
            word: str = column(target)
            if not links:
                return word
            return format_html(
                '{}<span class="till-row-actions">{}</span>',
                *(word, format_html_join(" ", '<a class="till-do" href="{}" aria-label="{}">{}</a>', links)),
            )

        return state

    def confirm_view(self, request: HttpRequest, action: ConfirmedAction) -> HttpResponseBase:
        if not self.may_perform(request, action):
            raise PermissionDenied
        targets = self._targets(request, action)
        if not targets:
            self.message_user(request, _("Nothing was chosen."), messages.WARNING)
            return redirect(self._list)
        form = action.form_class(request.POST or None, initial=action.initial(targets))
        if request.method == "POST" and form.is_valid() and self._perform(request, action, targets, form):
            return redirect(self._next_page(targets))
        return TemplateResponse(request, "admin/confirm.html", self._context(request, action, targets, form))

    def _perform(self, request: HttpRequest, action: ConfirmedAction, targets: list[Any], form: ReasonForm) -> bool:
        """Perform it on each target. The form shows why a single target is refused; for many targets a message does."""
        for target in targets:
            try:
                outcome = action.perform(
                    target=target, staff=cast("User", request.user), data=form.cleaned_data, request=request
                )
            except action.refusals as error:
                if len(targets) == 1:
                    form.add_error(field_of(error, form), text_of(error))
                    return False
                self.message_user(request, f"“{target}”: {text_of(error)}", messages.ERROR)
            else:
                self.message_user(request, f"“{target}”: {outcome}", messages.SUCCESS)
        return True

    def _targets(self, request: HttpRequest, action: ConfirmedAction) -> list[Any]:
        ids = [number for text in request.GET.getlist("id")[:MAX_AT_ONCE] if (number := id_or_none(text))]
        chosen = self.get_queryset(request).filter(pk__in=ids).order_by("pk")
        return list(chosen[: 1 if action.one_at_a_time else MAX_AT_ONCE])

    def _context(
        self, request: HttpRequest, action: ConfirmedAction, targets: list[Any], form: ReasonForm
    ) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": action.title,
            "action": action,
            "opts": self.opts,
            "form": form,
            "media": self.media,
            "affected": [(target, self._page(target), action.describe(target)) for target in targets],
            "facts": action.facts(targets[0]) if len(targets) == 1 else [],
            "back": self._page(targets[0]) if len(targets) == 1 else self._list,
        }

    def _list_action(self, action: ConfirmedAction) -> Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponseBase]:
        """Return what Django calls for the action of the list: it leads to the confirm view."""

        def confirm(_: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase:
            ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MAX_AT_ONCE + 1])
            if len(ids) > MAX_AT_ONCE:
                text = _("At most %(count)s at once: these are the first.") % {"count": MAX_AT_ONCE}
                self.message_user(request, text, messages.WARNING)
            return redirect(self.confirm_address(action, ids[:MAX_AT_ONCE]))

        return confirm

    def _confirm_path(self, action: ConfirmedAction) -> URLPattern:
        def view(request: HttpRequest) -> HttpResponseBase:
            return self.confirm_view(request, action)

        guarded = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view))
        return path(f"{action.name}/", guarded, name=f"{self.opts.app_label}_{self.opts.model_name}_{action.name}")

    def confirm_address(self, action: ConfirmedAction, ids: Sequence[int]) -> str:
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{action.name}")
        return f"{page}?{urlencode([('id', pk) for pk in ids])}"

    def _next_page(self, targets: list[Any]) -> str:
        still_there = len(targets) == 1 and self.model.objects.filter(pk=targets[0].pk).exists()
        return self._page(targets[0]) if still_there else self._list

    def _page(self, target: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[target.pk])

    @property
    def _list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def field_of(error: Exception, form: forms.BaseForm) -> str | None:
    """Return the field of the form that the error names, if there is such a one."""
    field = getattr(error, "field", None)
    return field if field in form.fields else None


def text_of(error: Exception) -> str:
    """Return what the error says, or else what its class says of itself. Django's own text names our classes."""
    if isinstance(error, ObjectDoesNotExist):
        return str(_("It is not there any more."))
    return refusals.text_of(error)
