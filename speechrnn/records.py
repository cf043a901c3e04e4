"""Plain data in, checked dataclasses out: the one door for manifests, recipes and metadata.

msgspec checks types and ranges, and is there in a hundredth of a second.
"""

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

import msgspec

T = TypeVar("T")

_COMPLAINT = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)

_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
"""What a person calls msgspec's types."""


class Strict:
    """What a person writes: unknown keys and values of a neighbouring type are errors."""

    __slots__ = ()


def build_record(kind: type[T], data: Any) -> T:
    """Returns plain data, as TOML gives it, as a checked instance of the dataclass `kind`; see `parse_record`."""
    for key, value in _walk(data):
        if isinstance(value, float) and value - value != 0:
            raise ValueError(f"{key}: expected a finite number, found {value}")
    return parse_record(kind, json.dumps(data, default=str))  # TOML has dates, JSON has not


def parse_record(kind: type[T], text: str | bytes) -> T:
    """Returns a JSON text as a checked instance of the dataclass `kind`.

    Raises:
        ValueError: A key is missing, or unknown where the dataclass is strict, or a value has the wrong type or is
            out of range. The message names the dotted key, what was found and what is allowed.
    """
    try:
        return _parse(kind, text)
    except RecursionError as error:
        raise ValueError("tables or lists nested too deeply") from error
    except (msgspec.DecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not JSON: {error}") from error


def _parse(kind: type[T], text: str | bytes) -> T:
    try:
        record: T = _make_decoder(cast(Hashable, kind)).decode(text)
    except msgspec.ValidationError as error:
        raise ValueError(_explain(kind, error, json.loads(text))) from error
    if _is_strict_somewhere(cast(Hashable, kind)):
        _refuse_unknown(record, msgspec.json.decode(text), "", record)
    return record


@cache
def _make_decoder(kind: Hashable) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind, strict=issubclass(cast(type, kind), Strict))


@cache
def _is_strict_somewhere(kind: Hashable) -> bool:
    hints = get_type_hints(kind)
    inner = [cast(Hashable, part) for hint in hints.values() for part in (hint, *get_args(hint)) if is_dataclass(part)]
    return issubclass(cast(type, kind), Strict) or any(_is_strict_somewhere(part) for part in inner)


def _refuse_unknown(record: Any, data: Any, place: str, whole: object) -> None:
    """Raises ValueError where plain data has a key that the strict dataclass made of it, a part of `whole`, has not."""
    strict = isinstance(record, Strict)
    if not is_dataclass(record):
        return
    names = [field.name for field in fields(record)]
    for key, value in data.items():
        if key in names:
            _refuse_unknown(getattr(record, key), value, f"{place}{key}.", whole)
        elif strict:
            from difflib import get_close_matches

            alike = "".join(f"; did you mean {place}{name}?" for name in get_close_matches(key, names, 1))
            hint = next(_find_key(whole, key), f"allowed here: {', '.join(names)}{alike}")
            raise ValueError(f"unknown key {place}{key}; {hint}")


def _find_key(record: object, key: str, place: str = "") -> Iterator[str]:
    """Yields guesses at what is meant by a key that a dataclass, or one within it, has."""
    if not is_dataclass(record):
        return
    for field in fields(record):
        if field.name == key:
            yield f"did you mean {place}{key}?"
        yield from _find_key(getattr(record, field.name), key, f"{place}{field.name}.")


def _explain(kind: type, error: msgspec.ValidationError, data: Any) -> str:
    complaint = _COMPLAINT.fullmatch(str(error))
    assert complaint
    what, place = complaint["what"], re.sub(r"\[(.*?)\]", r".\1", complaint["place"] or "").lstrip(".")
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"key {'.'.join(filter(None, (place, missing[1])))} is missing"
    if isinstance(error.__cause__, ValueError):
        return f"{place}: {what}" if place else what
    if what.startswith("Invalid enum value"):
        wanted = f"expected one of {', '.join(map(str, _list_allowed(kind, place)))}"
    else:
        wanted = re.sub("`(.*?)`", _name_types, what.partition(", got")[0].replace("Expected", "expected", 1))
    values = dict(_walk(data))
    found = f", found {values[place]!r}" if place in values else ""
    return f"{place}: {wanted}{found}" if place else f"{wanted}{found}"


def _name_types(match: re.Match[str]) -> str:
    return " or ".join(_NAMES.get(name, name) for name in match[1].split(" | "))


def _list_allowed(kind: type, place: str) -> tuple[Any, ...]:
    """Returns the values that a literal at a dotted key may have."""
    hint: Any = kind
    for key in place.split("."):
        hint = get_type_hints(hint)[key]
    return get_args(hint)


def _walk(data: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yields plain data and all that is in it, each behind its dotted key."""
    yield place, data
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list | tuple) else ()
    for key, value in items:
        yield from _walk(value, f"{place}.{key}" if place else str(key))
