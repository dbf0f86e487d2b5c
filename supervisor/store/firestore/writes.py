"""One write of a batch: what it changes, and in which state it expects its document."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.cloud.firestore_v1.types import DocumentTransform as _Transform
from google.cloud.firestore_v1.types import Write as _Write

from supervisor.store.firestore.values import stamp_of, to_fields

Write: Final = _Write.pb()
_REQUEST_TIME: Final = _Transform.FieldTransform.ServerValue.REQUEST_TIME


def create(path: str, fields: Mapping[str, Any], *, stamps: Iterable[str] = ()) -> Any:
    """Write a document where there is none.

    Args:
        path: the full resource name.
        fields: all there will be.
        stamps: fields that get the server's time.
    """
    write = Write(update={"name": path, "fields": to_fields(fields)})
    write.current_document.exists = False
    return _stamped(write, stamps)


def update(
    path: str, fields: Mapping[str, Any], expected_ns: int, *, stamps: Iterable[str] = ()
) -> Any:
    """Change these fields of exactly the state that was written at `expected_ns`.

    Fields that are not named stay. Names are plain: letters, digits and `_`.
    """
    write = Write(update={"name": path, "fields": to_fields(fields)})
    write.update_mask.SetInParent()  # without a mask, an update replaces the whole document
    write.update_mask.field_paths.extend(sorted(fields))
    write.current_document.update_time.CopyFrom(stamp_of(expected_ns))
    return _stamped(write, stamps)


def put(path: str, fields: Mapping[str, Any], *, stamps: Iterable[str] = ()) -> Any:
    """Write a document, whatever stands there."""
    return _stamped(Write(update={"name": path, "fields": to_fields(fields)}), stamps)


def delete(path: str) -> Any:
    """Delete a document; nothing happens where there is none."""
    return Write(delete=path)


def _stamped(write: Any, stamps: Iterable[str]) -> Any:
    for name in stamps:
        write.update_transforms.add(field_path=name, set_to_server_value=int(_REQUEST_TIME))
    return write
