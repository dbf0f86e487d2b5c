"""The way to Firestore: one gRPC channel, and calls that are one attempt with a deadline each.

The official library's own calls repeat themselves for up to a minute, and its reads invent an
answer where none came. Here nothing is repeated and nothing invented: whoever calls knows what
was tried, until when, and whether the answer is one. Only the library's messages are used.

A connection can be dead without anybody noticing (a network that swallows packets). Two calls in
a row without any answer are taken for that: the channel is left, and a new one dialled.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.api_core import grpc_helpers_async
from google.cloud.firestore_v1 import types
from grpc import aio

from shared.errors import StoreError
from shared.logs import get_logger
from supervisor.store.contract import Ambiguous
from supervisor.store.firestore import errors
from supervisor.store.firestore.access import SCOPES, Access
from supervisor.store.firestore.values import from_fields

log = get_logger(__name__)

SILENT_CALLS: Final = 2  # in a row, then the connection is given up
CLOSE_TIMEOUT_S: Final = 2.0
OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # What the official library pings with; an unanswered ping ends the connection.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # By default up to two minutes pass between attempts: longer than any lease.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # A new channel is a new connection, not a share of the old one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)
_SERVICE: Final = "/google.firestore.v1.Firestore"
_CommitRequest: Final = types.CommitRequest.pb()
_GetRequest: Final = types.BatchGetDocumentsRequest.pb()
_QueryRequest: Final = types.RunQueryRequest.pb()
_ListenRequest: Final = types.ListenRequest.pb()


class ClientClosed(StoreError):
    """The client has been closed."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read.

    Attributes:
        path: relative to the database's root, as in `accounts/a`.
        fields: decoded; see `values`.
        update_ns: the server's time of its last write: what a compare-and-set expects.
    """

    path: str
    fields: dict[str, Any]
    update_ns: int

    @property
    def id(self) -> str:
        """Return the last part of the path."""
        return self.path.rsplit("/", 1)[1]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one strong read found, and the server's time of it."""

    documents: dict[str, Document]
    read_ns: int


class FirestoreClient:
    """A connection to one database; made inside a running loop, ended by `close`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._metadata = (
            ("google-cloud-resource-prefix", access.root),
            ("x-goog-request-params", f"database={access.root}"),
            *((("authorization", "Bearer owner"),) if access.credentials is None else ()),
        )
        self._closed = False
        self._silent = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._channel = self._dial()

    def name(self, path: str) -> str:
        """Return the full resource name of a path."""
        return f"{self._access.root}/documents/{path}"

    async def get(self, paths: Sequence[str], *, timeout_s: float) -> Reading:
        """Read documents as they are now; what is not among the documents certainly is not there.

        Raises:
            StoreError: no certain answer about each of them.
        """
        request = _GetRequest(
            database=self._access.root, documents=[self.name(path) for path in paths]
        )
        answers = await self._read("BatchGetDocuments", request, f"read {_some(paths)}", timeout_s)
        documents = [self._document(answer.found) for answer in answers if answer.HasField("found")]
        told = len(documents) + sum(1 for answer in answers if answer.missing)
        # A stream that ends early, or empty, says nothing about what it left out.
        if told != len(set(paths)) or not answers:
            raise Ambiguous(f"read {_some(paths)}: the answer is not whole")
        return _reading(documents, answers)

    async def query(self, parent: str, query: Any, *, timeout_s: float) -> Reading:
        """Run a structured query.

        Args:
            parent: path of the document above the collection; empty for the database itself.
            query: a `types.StructuredQuery.pb()`.
            timeout_s: for the whole answer.

        Raises:
            StoreError: no certain answer.
        """
        name = self.name(parent).rstrip("/")
        request = _QueryRequest(parent=name, structured_query=query)
        attempt = f"query {query.from_[0].collection_id}"
        answers = await self._read("RunQuery", request, attempt, timeout_s)
        if not answers:
            raise Ambiguous(f"{attempt}: the answer is empty")
        documents = [self._document(each.document) for each in answers if each.HasField("document")]
        return _reading(documents, answers)

    async def commit(self, writes: Sequence[Any], *, timeout_s: float) -> list[int]:
        """Apply writes, all or none; return the server's time of each document's last change.

        Raises:
            PreconditionFailed: some document was in another state than its write expected.
            Refused: nothing was written, for another reason.
            Ambiguous: they may have been applied, or still will be.
        """
        request = _CommitRequest(database=self._access.root, writes=list(writes))
        attempt = f"write {len(writes)} documents"
        try:
            async with self._attempt(attempt, timeout_s) as channel:
                commit = channel.unary_unary(
                    f"{_SERVICE}/Commit",
                    request_serializer=_CommitRequest.SerializeToString,
                    response_deserializer=types.CommitResponse.pb().FromString,
                )
                answer = await commit(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise errors.of_commit(attempt, error) from error
        if answer is None:  # a call that ended well without having said anything
            raise Ambiguous(f"{attempt}: the answer is empty")
        # A write that changed nothing has its document's former time.
        return [result.update_time.ToNanoseconds() for result in answer.write_results]

    @contextlib.asynccontextmanager
    async def listen(self, targets: Iterable[Any]) -> AsyncIterator[Any]:
        """Give a stream of `ListenResponse`; it ends by an error or with the context.

        Raises:
            StoreError: it could not be opened, or broke.
        """
        channel = self._open_channel()
        listen = channel.stream_stream(
            f"{_SERVICE}/Listen",
            request_serializer=_ListenRequest.SerializeToString,
            response_deserializer=types.ListenResponse.pb().FromString,
        )
        call = listen(metadata=self._metadata)
        try:
            for target in targets:
                await call.write(_ListenRequest(database=self._access.root, add_target=target))
            yield call
        except grpc.RpcError as error:
            raise errors.of_read("listen", error) from error
        except asyncio.CancelledError as error:
            _reraise_own(error)
            raise Ambiguous("listen: the connection was given up") from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """End the connection and what still waits for it; may be called twice."""
        self._closed = True
        self._give_up(self._channel)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _read(self, method: str, request: Any, attempt: str, timeout_s: float) -> list[Any]:
        kind = {"BatchGetDocuments": types.BatchGetDocumentsResponse}.get(
            method, types.RunQueryResponse
        )
        try:
            async with self._attempt(attempt, timeout_s) as channel:
                read = channel.unary_stream(
                    f"{_SERVICE}/{method}",
                    request_serializer=type(request).SerializeToString,
                    response_deserializer=kind.pb().FromString,
                )
                call = read(request, timeout=timeout_s, metadata=self._metadata)
                return [answer async for answer in call]
        except grpc.RpcError as error:
            raise errors.of_read(attempt, error) from error

    @contextlib.asynccontextmanager
    async def _attempt(self, attempt: str, timeout_s: float) -> AsyncIterator[aio.Channel]:
        """Bound one call, whatever gRPC does, and note whether the other side still answers."""
        channel = self._open_channel()
        try:
            async with asyncio.timeout(timeout_s):
                yield channel
        except TimeoutError as error:
            self._note_silence(channel)
            raise Ambiguous(f"{attempt}: no answer in {timeout_s:g} s") from error
        except grpc.RpcError as error:
            if errors.is_silence(error):
                self._note_silence(channel)
            else:
                self._silent = 0
            raise
        except asyncio.CancelledError as error:
            _reraise_own(error)
            raise Ambiguous(f"{attempt}: the connection was given up") from error
        self._silent = 0

    def _note_silence(self, channel: aio.Channel) -> None:
        if channel is not self._channel:
            return
        self._silent += 1
        if self._silent < SILENT_CALLS or self._closed:
            return
        log.warning("firestore_silent", calls=self._silent)
        self._silent = 0
        self._channel = self._dial()
        self._give_up(channel)

    def _open_channel(self) -> aio.Channel:
        if self._closed:
            raise ClientClosed("use Firestore: the client is closed")
        return self._channel

    def _dial(self) -> aio.Channel:
        if self._access.credentials is None:
            return aio.insecure_channel(self._access.target, options=OPTIONS)
        create: Callable[..., aio.Channel] = grpc_helpers_async.create_channel
        return create(
            self._access.target,
            credentials=self._access.credentials,
            scopes=SCOPES,
            options=OPTIONS,
        )

    def _give_up(self, channel: aio.Channel) -> None:
        task = asyncio.create_task(_close(channel))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _document(self, found: Any) -> Document:
        path = found.name.removeprefix(f"{self._access.root}/documents/")
        return Document(path, from_fields(found.fields), found.update_time.ToNanoseconds())


async def _close(channel: aio.Channel) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await channel.close(None)


def _reraise_own(error: asyncio.CancelledError) -> None:
    """Pass on a cancellation of this task; gRPC raises the same for a channel that was closed."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise error


def _reading(documents: Sequence[Document], answers: Sequence[Any]) -> Reading:
    read_ns = max(answer.read_time.ToNanoseconds() for answer in answers)
    if read_ns <= 0:
        raise Ambiguous("read from Firestore: the answer does not say of when it is")
    return Reading({document.path: document for document in documents}, read_ns)


def _some(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} documents"
