"""Firestore's field values to Python's and back; what we don't know is kept as it is."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.cloud.firestore_v1.types import Value as _Value
from google.protobuf.struct_pb2 import NULL_VALUE
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import StoreError

Value: Final = _Value.pb()
MAX_DEPTH: Final = 20  # Firestore's own limit


class UnstorableValue(StoreError):
    """A value of a kind that Firestore has no field for."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a kind we have no use for (a place, a reference): only ever written back."""

    value: Any


def to_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as protobuf values."""
    return {name: to_value(value) for name, value in fields.items()}


def from_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return protobuf values as Python's; timestamps come as aware datetimes, in UTC."""
    return {name: from_value(value) for name, value in fields.items()}


def to_value(given: Any, depth: int = 0) -> Any:
    """Return one value as protobuf.

    Raises:
        UnstorableValue: of another kind, too deep, or a whole number over 64 bits.
    """
    if depth > MAX_DEPTH:
        raise UnstorableValue(f"store a value: it is nested more than {MAX_DEPTH} deep")
    match given:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(boolean_value=given)
        case int() if -(2**63) <= given < 2**63:
            return Value(integer_value=given)
        case float():
            return Value(double_value=given)
        case str():
            return Value(string_value=given)
        case bytes():
            return Value(bytes_value=given)
        case dt.datetime():
            return Value(timestamp_value=_timestamp(given))
        case Opaque(value):
            return value
    return _to_compound(given, depth)


def _to_compound(given: Any, depth: int) -> Any:
    if isinstance(given, Mapping):
        value = Value(map_value={})
        for name, each in given.items():
            value.map_value.fields[name].CopyFrom(to_value(each, depth + 1))
        return value
    if isinstance(given, list | tuple):
        return Value(array_value={"values": [to_value(each, depth + 1) for each in given]})
    raise UnstorableValue(f"store a value: {type(given).__name__} is no kind that Firestore has")


def from_value(value: Any) -> Any:
    """Return one protobuf value as Python's."""
    kind = value.WhichOneof("value_type")
    match kind:
        case None | "null_value":
            return None
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(tzinfo=dt.UTC)
        case "map_value":
            return from_fields(value.map_value.fields)
        case "array_value":
            return [from_value(each) for each in value.array_value.values]
        case "geo_point_value" | "reference_value":
            return Opaque(value)
    plain = getattr(value, kind)
    return plain if isinstance(plain, bool | int | float | str | bytes) else Opaque(value)


def _timestamp(at: dt.datetime) -> Timestamp:
    if at.tzinfo is None:
        raise UnstorableValue("store a time: it does not say in which zone it is")
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(dt.UTC))
    return stamp


def stamp_of(at_ns: int) -> Timestamp:
    """Return nanoseconds since 1970 as a protobuf timestamp."""
    stamp = Timestamp()
    stamp.FromNanoseconds(at_ns)
    return stamp
