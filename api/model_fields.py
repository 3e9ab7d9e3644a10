"""What every column type of ours shares."""

from typing import Any


class FrozenField:
    """Mixed into a field: migrations name the Django field that it extends.

    So no migration imports code that may change, and a rule about values can change without a migration. What a field
    adds in the database, such as a domain, is said by the migrations' SQL.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc] # it is mixed into a Field
        extended = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("django.db.models."))
        return name, f"django.db.models.{extended.__name__}", args, kwargs
