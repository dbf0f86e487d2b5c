"""gRPC's status codes, as what they say about a call: refused, unknown, or expected otherwise."""

from collections.abc import Callable
from typing import Final

import grpc

from shared.errors import StoreError
from supervisor.store.contract import Ambiguous, PreconditionFailed, Refused

MAX_DETAILS: Final = 200

# A commit that is refused by one of these met another state than it expected.
PRECONDITION: Final = frozenset(
    {
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.NOT_FOUND,
    }
)
# The service answered, and did nothing. ABORTED is contention: it may pass when repeated.
REFUSED: Final = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_HINTS: Final = {
    grpc.StatusCode.PERMISSION_DENIED: "may the service account use this project's database?",
    grpc.StatusCode.UNAUTHENTICATED: "is the service account's key still valid?",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "the project's quota may be used up",
    grpc.StatusCode.NOT_FOUND: "does the project have a Firestore database of that name?",
    grpc.StatusCode.FAILED_PRECONDITION: "an index may be missing; the answer names it",
}


def of_read(attempt: str, error: grpc.RpcError) -> StoreError:
    """Return what a failed read says."""
    code = _code(error)
    kind = Refused if code in REFUSED | PRECONDITION else Ambiguous
    return _error(kind, attempt, error, _HINTS.get(code, ""))


def of_commit(attempt: str, error: grpc.RpcError) -> StoreError:
    """Return what a failed commit says about its writes."""
    code = _code(error)
    if code in PRECONDITION:
        return _error(PreconditionFailed, attempt, error, "")
    return _error(Refused if code in REFUSED else Ambiguous, attempt, error, _HINTS.get(code, ""))


def is_silence(error: grpc.RpcError) -> bool:
    """Tell whether the other side let the deadline pass."""
    return _code(error) is grpc.StatusCode.DEADLINE_EXCEEDED


def is_contention(error: StoreError) -> bool:
    """Tell whether a refused call met others, and may pass when repeated."""
    cause = error.__cause__
    return isinstance(cause, grpc.RpcError) and _code(cause) is grpc.StatusCode.ABORTED


def _error(
    kind: Callable[..., StoreError], attempt: str, error: grpc.RpcError, hint: str
) -> StoreError:
    details = str(getattr(error, "details", str)() or "")[:MAX_DETAILS]
    return kind(f"{attempt}: {_code(error).name} {details}".rstrip(), hint=hint)


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    code = error.code() if hasattr(error, "code") else None
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
