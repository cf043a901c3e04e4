from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import pytest
from msgspec import Meta

from speechrnn.records import Strict, build_record, parse_record


@dataclass(frozen=True)
class Inner(Strict):
    units: Annotated[int, Meta(ge=1)] = 1


@dataclass(frozen=True)
class Outer(Strict):
    name: str
    inner: Inner = field(default_factory=Inner)


def test_plain_data_becomes_nested_dataclasses() -> None:
    assert build_record(Outer, {"name": "a", "inner": {"units": 3}}) == Outer("a", Inner(3))
    assert parse_record(Outer, '{"name": "ñ"}') == Outer("ñ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "key name is missing"),
        ({"name": 5}, "name: expected a text, found 5"),
        ({"name": "a", "inner": {"units": 0}}, "inner.units: expected a whole number >= 1, found 0"),
        ({"name": "a", "inner": {"unit": 2}}, "unknown key inner.unit; allowed here: units; did you mean inner.units?"),
        ({"name": "a", "units": 2}, "unknown key units; did you mean inner.units?"),
        ({"name": "a", "inner": {"name": 2}}, "unknown key inner.name; did you mean name?"),
        ({"name": "a", "inner": {"units": float("nan")}}, "inner.units: expected a finite number, found nan"),
        ({"name": "a", "inner": 3}, "inner: expected a table, found 3"),
        ({"name": "a", "innner": {}}, "unknown key innner; allowed here: name, inner; did you mean inner?"),
        ({"name": "a", "inner": {"units": date(2024, 1, 1)}}, "inner.units: .*, found '2024-01-01'"),
    ],
)
def test_what_is_wrong_is_named_by_its_dotted_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_record(Outer, data)


def test_what_is_no_json_is_named() -> None:
    for text in ('{"name": ', "[[["):
        with pytest.raises(ValueError, match="not JSON"):
            parse_record(Outer, text)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"name": "a", "other": ' + "[" * 200_000, '{"name": ' + "[" * 2000 + "]" * 2000 + "}"]
)
def test_what_is_nested_too_deeply_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_record(Outer, text)
