"""What comes in and goes out as JSON, in queries and in paths: base classes of pydantic models, and types of their fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from app import iso_time
from app.errors import BadParameters
from app.paging import read_cursor

P = TypeVar("P", bound=BaseModel)

Time = Annotated[
    datetime,
    PlainSerializer(iso_time.rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant in UTC, written to the second."""
Day = Annotated[date, WithJsonSchema({"type": "string", "format": "date", "description": "UTC day"})]
_TEXT = WithJsonSchema({"type": "string"})


def read_params(model: type[P], values: Mapping[str, Any]) -> P:
    """Build a model. Raises BadParameters naming the first parameter that does not fit."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "parameters"
        raise BadParameters(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


class ResponseBody(BaseModel):
    """An object in a response: these fields and no others.

    openapi.json has a class with `component="Name"` under that name in its components, and any other where it is used.
    """

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)
    component: ClassVar[str | None] = None

    def __init_subclass__(cls, *, component: str | None = None) -> None:
        super().__init_subclass__()
        cls.component = component

    @classmethod
    def of(cls, row: object, **more: Any) -> Self:
        """From the attributes of a row; `more` are the fields that the row has otherwise or not at all."""
        return cls(**{name: more[name] if name in more else getattr(row, name) for name in cls.model_fields})

    def to_json(self) -> dict[str, Any]:
        """Its fields, in the order in which they are declared."""
        return self.model_dump(mode="json")


class RequestBody(BaseModel):
    """An object in a request: these fields and no others, each of its own type.

    A class with `change=True` says what is to be changed, which is what is given; its defaults are not told.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    is_change: ClassVar[bool] = False

    def __init_subclass__(cls, *, change: bool = False) -> None:
        super().__init_subclass__()
        cls.is_change = change

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler.resolve_ref_schema(handler(schema))
        for field in found["properties"].values() if cls.is_change else ():
            field.pop("default", None)
        return found


class ForeignResponse(ResponseBody):
    """An object in a response of another protocol, whose names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """Its fields, in the order in which they are declared."""
        return self.model_dump(mode="json", by_alias=True)


class ForeignRequest(RequestBody):
    """An object in a request of another protocol, whose names are in camel case; fields that are not read are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, alias_generator=to_camel, populate_by_name=True)


class Query(BaseModel):
    """Parameters of a query; others are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Self:
        """Raises BadParameters naming the first parameter that does not fit."""
        return read_params(cls, values)


def _since(value: str | None, info: ValidationInfo) -> datetime | None:
    return iso_time.since(info.field_name or "", value)


def _until(value: str | None, info: ValidationInfo) -> datetime | None:
    return iso_time.until(info.field_name or "", value)


def NO_DEFAULT(schema: dict[str, Any]) -> None:  # noqa: N802
    """For `json_schema_extra`: left out, the parameter has no value, and not the one that the model takes for it."""
    schema.pop("default", None)


Since = Annotated[datetime | None, BeforeValidator(_since), _TEXT]
"""The first instant that counts, of a day or a time."""
Until = Annotated[datetime | None, BeforeValidator(_until), _TEXT]
"""The first instant that no longer counts, of a day or a time."""
After = Annotated[
    tuple[datetime, str] | None,
    BeforeValidator(lambda value: read_cursor(value) if value else None),
    WithJsonSchema({"type": "string", "examples": ["1536840000000000.5f0c9a1be2d34c6788a0b1c2"]}),
    Field(description="From the Link of a page"),
]
"""Where the page before ended."""


@dataclass(frozen=True)
class OneOf:
    """For `Annotated[str, OneOf(values, default)]`: one of these texts; what is left out or empty is the default."""

    values: Sequence[str]
    default: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}

    def _read(self, value: str | None, info: ValidationInfo) -> str:
        found = value or self.default
        if found and found not in self.values:
            raise BadParameters(f"{info.field_name} is not one of {', '.join(self.values)}")
        return found
