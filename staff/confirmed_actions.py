"""What staff do to people and money: a page names who is affected and asks why, and only then it is done."""

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
from django.views.decorators.http import require_http_methods

from accounts.models import User
from api.filters import id_or_none
from api.plain_text import validate_plain_text

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

MAX_AT_ONCE = 100
REASON_MAX_LENGTH = 200


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=REASON_MAX_LENGTH,
        validators=[validate_plain_text],
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text="Kept in the history, with your name and the time.",
    )


class ConfirmedAction:
    """One thing that staff may do to the objects of a list. Its permission is Django's for the model."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: What the buttons say.
    button: ClassVar[str]
    explanation: ClassVar[str] = ""
    permission: ClassVar[str] = "change"
    form_class: ClassVar[type[ReasonForm]] = ReasonForm
    one_at_a_time: ClassVar[bool] = False
    #: What may stand in the way: staff is told, and the rest goes on.
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def fits(self, target: Any) -> bool:  # noqa: ARG002
        """Tell whether the object's own page offers it."""
        return True

    def consequence(self, target: Any) -> str:  # noqa: ARG002
        """Say what will happen to this one, or why it will not."""
        return ""

    def initial(self, targets: Sequence[Any]) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def do(self, *, target: Any, staff: User, answers: dict[str, Any], request: HttpRequest) -> str:
        """Do it in an atomic block of its own, with a note in the history, and say what came of it."""
        raise NotImplementedError


class ConfirmedActionsMixin(ModelAdmin):
    """Offers each of `deeds` on the list (as an action) and on an object's page (as a button)."""

    deeds: ClassVar[tuple[type[ConfirmedAction], ...]] = ()

    def get_urls(self) -> list[URLPattern]:
        return [*(self._deed_path(deed()) for deed in self.deeds), *super().get_urls()]

    def may(self, request: HttpRequest, deed: ConfirmedAction | type[ConfirmedAction]) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{deed.permission}_{self.opts.model_name}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered = [deed() for deed in self.deeds if self.may(request, deed) and not deed.one_at_a_time]
        asking = {deed.name: (self._asking(deed), deed.name, f"{deed.title}…") for deed in offered}
        return super().get_actions(request) | asking

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        target = context.get("original")
        context["deeds"] = [
            (deed.button, self._address(deed, [target.pk]))
            for deed in (made() for made in self.deeds if target)
            if self.may(request, deed) and deed.fits(target)
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def deed_view(self, request: HttpRequest, deed: ConfirmedAction) -> HttpResponseBase:
        if not self.may(request, deed):
            raise PermissionDenied
        targets = self._targets(request, deed)
        if not targets:
            self.message_user(request, "Nothing was chosen.", messages.WARNING)
            return redirect(self._list)
        form = deed.form_class(request.POST or None, initial=deed.initial(targets))
        if request.method == "POST" and form.is_valid() and self._done(request, deed, targets, form):
            return redirect(self._afterwards(targets))
        return TemplateResponse(request, "admin/till_deed.html", self._shown(request, deed, targets, form))

    def _done(self, request: HttpRequest, deed: ConfirmedAction, targets: list[Any], form: ReasonForm) -> bool:
        """Do it to each; of one that is refused the form says why, of many a message."""
        for target in targets:
            try:
                outcome = deed.do(
                    target=target, staff=cast("User", request.user), answers=form.cleaned_data, request=request
                )
            except deed.refusals as error:
                if len(targets) == 1:
                    form.add_error(field_of(error, form), text_of(error))
                    return False
                self.message_user(request, f"“{target}”: {text_of(error)}", messages.ERROR)
            else:
                self.message_user(request, f"“{target}”: {outcome}", messages.SUCCESS)
        return True

    def _targets(self, request: HttpRequest, deed: ConfirmedAction) -> list[Any]:
        ids = [number for text in request.GET.getlist("id")[:MAX_AT_ONCE] if (number := id_or_none(text))]
        chosen = self.get_queryset(request).filter(pk__in=ids).order_by("pk")
        return list(chosen[: 1 if deed.one_at_a_time else MAX_AT_ONCE])

    def _shown(
        self, request: HttpRequest, deed: ConfirmedAction, targets: list[Any], form: ReasonForm
    ) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": deed.title,
            "deed": deed,
            "opts": self.opts,
            "form": form,
            "media": self.media,
            "affected": [(target, self._page(target), deed.consequence(target)) for target in targets],
            "back": self._page(targets[0]) if len(targets) == 1 else self._list,
        }

    def _asking(self, deed: ConfirmedAction) -> Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponseBase]:
        def ask(_: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase:
            ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MAX_AT_ONCE + 1])
            if len(ids) > MAX_AT_ONCE:
                self.message_user(request, f"At most {MAX_AT_ONCE} at once: these are the first.", messages.WARNING)
            return redirect(self._address(deed, ids[:MAX_AT_ONCE]))

        return ask

    def _deed_path(self, deed: ConfirmedAction) -> URLPattern:
        def view(request: HttpRequest) -> HttpResponseBase:
            return self.deed_view(request, deed)

        guarded = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view))
        return path(f"{deed.name}/", guarded, name=f"{self.opts.app_label}_{self.opts.model_name}_{deed.name}")

    def _address(self, deed: ConfirmedAction, ids: Sequence[int]) -> str:
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{deed.name}")
        return f"{page}?{urlencode([('id', pk) for pk in ids])}"

    def _afterwards(self, targets: list[Any]) -> str:
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
        return "It is not there any more."
    return str(error) or str(type(error).__doc__).split("\n", 1)[0]
