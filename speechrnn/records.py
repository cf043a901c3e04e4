"""Plain data in, checked dataclasses out: the one door for manifests, recipes and metadata."""

import json
from collections.abc import Hashable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")


def build_record(kind: type[T], data: Any) -> T:
    """Returns plain data, as TOML gives it, as a checked instance of the dataclass `kind`; see `parse_record`."""
    return parse_record(kind, json.dumps(data, default=str))  # TOML has dates, JSON has not


def parse_record(kind: type[T], text: str | bytes) -> T:
    """Returns a JSON text as a checked instance of the dataclass `kind`.

    Raises:
        ValueError: A key is unknown or missing, or a value has the wrong type or is out of range. The message
            names the dotted key, what was found and what is allowed.
    """
    from pydantic import ValidationError

    try:
        record: T = _adapter(cast("Hashable", kind)).validate_json(text)
        return record
    except ValidationError as error:
        raise ValueError(_explain(kind, error.errors()[0])) from error


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    """Returns pydantic's validator of a dataclass; making one takes longer than using it, so it is kept."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _explain(kind: type, error: "ErrorDetails") -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "unexpected_keyword_argument":
        for part in error["loc"][:-1]:
            kind = get_type_hints(kind)[str(part)]
        return f"unknown key {key}; allowed here: {', '.join(field.name for field in fields(kind))}"
    if error["type"] == "json_invalid":
        return f"not JSON: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"key {key} is missing"
    if error["type"] == "value_error":
        return ": ".join(part for part in (key, str(error["ctx"]["error"])) if part)
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{key}: {message}, found {error['input']!r}" if key else f"{message}, found {error['input']!r}"
