from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, ClassVar

import pytest
from annotated_types import Ge

from speechrnn.records import build_record, parse_record


@dataclass(frozen=True)
class Inner:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    units: Annotated[int, Ge(1)] = 1


@dataclass(frozen=True)
class Outer:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    name: str
    inner: Inner = field(default_factory=Inner)


def test_plain_data_becomes_nested_dataclasses() -> None:
    assert build_record(Outer, {"name": "a", "inner": {"units": 3}}) == Outer("a", Inner(3))
    assert parse_record(Outer, '{"name": "ñ"}') == Outer("ñ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "key name is missing"),
        ({"name": 5}, "name: input should be a valid string, found 5"),
        ({"name": "a", "inner": {"units": 0}}, "inner.units: input should be greater than or equal to 1, found 0"),
        ({"name": "a", "inner": {"unit": 2}}, "unknown key inner.unit; allowed here: units"),
        ({"name": "a", "innner": {}}, "unknown key innner; allowed here: name, inner"),
        ({"name": "a", "inner": {"units": date(2024, 1, 1)}}, "inner.units: .*, found '2024-01-01'"),
    ],
)
def test_what_is_wrong_is_named_by_its_dotted_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_record(Outer, data)


def test_what_is_no_json_is_named() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse_record(Outer, '{"name": ')
