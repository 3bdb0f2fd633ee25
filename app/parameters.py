"""Reads what a client sends into a pydantic model, with the first fault as the contract's 400."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.errors import BadParameters

P = TypeVar("P", bound=BaseModel)


def read_params(model: type[P], values: Mapping[str, Any]) -> P:
    """Build a model. Raises BadParameters naming the first parameter that does not fit."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "parameters"
        raise BadParameters(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
