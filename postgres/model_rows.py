"""The INSERT of a Django model's instances as one statement, which pipelines prepare once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.db import models

from postgres.parameters import BIGINT, JSON, NUMERIC, TEXT, Column, RowsStatement
from postgres.pipeline import Pipeline

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment_of(microseconds: int) -> datetime:
    """Return the time so many microseconds after the beginning of 1970, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def microseconds_of(moment: datetime) -> int:
    """Return the inverse of `moment_of`, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def queue_insert(instances: Sequence[models.Model], pipeline: Pipeline) -> None:
    """Queue the INSERT of instances of one model, all of whose fields are set. Raises DataError, as pipelines do."""
    statement, fields = _insert_of(type(instances[0]))
    pipeline.execute_rows([tuple(_value(getattr(each, name)) for name in fields) for each in instances], statement)


def _value(value: Any) -> Any:
    return microseconds_of(value) if isinstance(value, datetime) else value


@cache
def _insert_of(model: type[models.Model]) -> tuple[RowsStatement, tuple[str, ...]]:
    """Return the statement, and the attributes that hold its parameters. Times travel as microseconds since 1970."""
    fields = model._meta.concrete_fields
    columns = ", ".join(str(field.column) for field in fields)
    values = ", ".join(_expression(field) for field in fields)
    text = f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {values} FROM {{rows}} AS r ({columns})"  # noqa: S608  names of ours
    return RowsStatement(text, *map(_column, fields)), tuple(str(field.attname) for field in fields)


def _expression(field: Any) -> str:
    if isinstance(field, models.DateTimeField):
        return f"timestamptz 'epoch' + r.{field.column} * interval '1 microsecond'"
    return f"r.{field.column}"


def _column(field: Any) -> Column:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    if isinstance(field, (models.IntegerField, models.DateTimeField)):
        return BIGINT
    if isinstance(field, models.DecimalField):
        return NUMERIC
    if isinstance(field, (models.CharField, models.TextField)):
        return TEXT
    if isinstance(field, models.JSONField):
        return JSON
    raise TypeError(f"no statement of ours writes a {type(field).__name__}")
