"""Forms that call a service. Its refusal is an error of the form, and the service writes the history."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import User
from staff.confirmed_actions import field_of, text_of
from staff.read_only import StaffAdmin

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm


class InstructionField(forms.BooleanField):
    """A field that says how the form is carried out, and is no change by itself."""

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ARG002
        return False


class ServiceForm(ModelForm):
    """Calls its service as the last of its checks, in the page's atomic block. The service decides, under its locks."""

    staff: ClassVar[User]
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    #: From an error's field to the form's, where the names differ. The key "" is for errors without a field.
    names: ClassVar[dict[str, str]] = {}

    def carry_out(self) -> Model:
        raise NotImplementedError

    def _post_clean(self) -> None:
        """Call the service instead of Django's checks of the model, unless a field is wrong already."""
        if self.errors or getattr(self, "refused", None):  # a second time only to say why (stale_forms)
            return
        try:
            with transaction.atomic():
                self.instance = self.carry_out()
        except self.refusals as error:
            field = self.names.get(getattr(error, "field", ""))
            self.add_error(field if field in self.fields else field_of(error, self), text_of(error))

    def save(self, commit: bool = True) -> Any:  # noqa: ARG002
        return self.instance

    def save_m2m(self) -> None:
        """There is nothing many-to-many."""


class ServiceAdmin(StaffAdmin):
    """Saves by its form, and leaves the history to the services."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        cast("type[ServiceForm]", form).staff = cast("User", request.user)  # a class made for this request
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form did it."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service has noted it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service has noted it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The service notes it."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing is deleted by the dozen."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}
