"""Credentials on their way: a token that never comes, or is refused, holds no call up."""

import asyncio
import datetime as dt
import ipaddress
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import google.auth.credentials
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.api_core import grpc_helpers_async
from google.auth.exceptions import RefreshError
from grpc import aio

from shared.errors import StoreError
from supervisor.store.contract import Ambiguous
from supervisor.store.firestore.access import Access
from supervisor.store.firestore.client import OPTIONS, FirestoreClient

SHORT = 0.4
LATE = 0.3


def certificate() -> tuple[bytes, bytes]:
    """Return a private key and a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, signed.public_bytes(encoding)


class Tokens(google.auth.credentials.Credentials):
    """Credentials whose token comes, never comes, or is refused."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.comes = threading.Event()
        self.comes.set()
        self.refused = False

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - the library calls it so
        self.comes.wait(10)
        if self.refused:
            raise RefreshError("invalid_grant")  # type: ignore[no-untyped-call]
        self.token = "t0ken"
        # Over at once, so that each call asks anew.
        self.expiry = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=1)


class Secured(FirestoreClient):
    """A client that trusts the test's own certificate."""

    trusted = b""

    def _dial(self) -> aio.Channel:
        channel: aio.Channel = grpc_helpers_async.create_channel(
            self._access.target,
            credentials=self._access.credentials,
            ssl_credentials=grpc.ssl_channel_credentials(self.trusted),
            options=OPTIONS,
        )
        return channel


class Service(grpc.GenericRpcHandler):
    """Says that it is not there, and keeps what it was told."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def service(self, handler_call_details: Any) -> Any:
        metadata = dict(handler_call_details.invocation_metadata)
        self.tokens.append(str(metadata.get("authorization")))

        async def refuse(_: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "reached")

        return grpc.unary_stream_rpc_method_handler(refuse)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
async def client(
    service: Service, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FirestoreClient]:
    private, public = certificate()
    server = aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(private, public)]))
    await server.start()
    monkeypatch.setattr(Secured, "trusted", public)
    opened = Secured(Access("shop", target=f"127.0.0.1:{port}", credentials=tokens))
    yield opened
    tokens.comes.set()
    await opened.close()
    await server.stop(None)


async def read(client: FirestoreClient, timeout_s: float = 5.0) -> None:
    await client.get(["some/document"], timeout_s=timeout_s)


async def test_the_token_goes_with_every_call(client: FirestoreClient, service: Service) -> None:
    for _ in range(2):
        with pytest.raises(Ambiguous, match="reached"):
            await read(client)

    assert service.tokens == ["Bearer t0ken"] * 2


async def test_a_token_that_never_comes_holds_no_call_past_its_deadline(
    client: FirestoreClient, tokens: Tokens, service: Service
) -> None:
    tokens.comes.clear()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(Ambiguous):
            await read(client, SHORT)
        assert SHORT - 0.01 <= time.monotonic() - began < SHORT + LATE
    assert service.tokens == []

    tokens.comes.set()
    with pytest.raises(Ambiguous, match="reached"):
        await read(client)


async def test_a_token_that_is_refused_is_no_answer_about_the_store(
    client: FirestoreClient, tokens: Tokens
) -> None:
    tokens.refused = True
    with pytest.raises(StoreError):
        await read(client)

    tokens.refused = False
    async with asyncio.timeout(5):
        with pytest.raises(Ambiguous, match="reached"):
            await read(client)
