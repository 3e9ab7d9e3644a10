"""What models say of themselves: names, help, choices. Pages show it in the reader's language.

The models hold plain English, so that no migration and no document of the API depends on a language.
"""

from collections.abc import Iterable, Iterator

from django.apps import AppConfig
from django.core.validators import RegexValidator
from django.db.models import Field, Model
from django.utils.translation import gettext as translated

from api.languages import is_english

APPS = ("accounts", "payments", "catalog")


class ModelText(str):
    """Equal to its English, which JSON and CSV have. Shown or formatted, it is in the reader's language."""

    @property
    def english(self) -> str:
        return self.encode().decode()

    def __str__(self) -> str:
        return self.english if is_english() else translated(self.english)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __getitem__(self, key: object) -> str:
        """Django's `capfirst` takes the first letter and the rest."""
        return str(self)[key]  # type: ignore[index]


def translate_models(apps: Iterable[AppConfig]) -> None:
    """Replace the texts of the apps' models, once all are loaded."""
    for app in apps:
        app.verbose_name = _text(app.verbose_name)
        for model in app.get_models():
            _translate(model)


def _translate(model: type[Model]) -> None:
    meta = model._meta
    # Django makes the plural when it is shown, unless the model has its own.
    meta.verbose_name, meta.verbose_name_plural = _text(meta.verbose_name), _text(str(meta.verbose_name_plural))
    for field in fields_of(model):
        field.verbose_name, field.help_text = _text(field.verbose_name), _text(field.help_text)
        if field.choices:
            field.choices = [(value, _text(label)) for value, label in field.flatchoices]
        for validator in field.validators:
            if isinstance(validator, RegexValidator):
                validator.message = _text(validator.message)


def fields_of(model: type[Model]) -> "Iterator[Field[object, object]]":
    yield from model._meta.local_fields


def _text(text: object) -> str:
    """Return the text as one of a model. What Django itself says is translated already."""
    return ModelText(text) if isinstance(text, str) and text else text  # type: ignore[return-value]
