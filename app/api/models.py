"""What the API's bodies, queries and paths are made of: pydantic models and the types of their fields."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app import iso_time

Time = Annotated[
    datetime,
    PlainSerializer(iso_time.rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant in UTC, written to the second."""

Day = Annotated[date, WithJsonSchema({"type": "string", "format": "date", "description": "UTC day"})]

AppIdentifier = Annotated[str, Field(description="24 hex digits, printed by `crashq app add`")]


class Body(BaseModel):
    """An object in a response: these fields and no others.

    openapi.json has a class with `component="Name"` under that name in its components, and any other where it is used.
    """

    model_config = ConfigDict(extra="forbid")
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


class Given(BaseModel):
    """An object in a request: these fields and no others, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True)
