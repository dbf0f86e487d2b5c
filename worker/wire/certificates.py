"""The server's certificate chain: who vouches for the key that ends the Noise handshake.

WhatsApp's root signs an intermediate, the intermediate signs a leaf, and the leaf names the
server's static Noise key. All of it is checked, as whatsmeow handshake.go does; a chain
whose leaf names another key is somebody's recording of a real one.
"""

import hmac
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from shared.errors import WireError
from worker.proto.noise_pb2 import CertChain
from worker.wire import curve

WA_CERT_ROOT: Final = bytes.fromhex(
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
)
"""WhatsApp's root key (`WhatsAppLongTerm1`), the same in every client."""

ROOT_SERIAL: Final = 0

_HINT: Final = "something between here and WhatsApp is not WhatsApp, or the clock is wrong"

_Certificate = CertChain.NoiseCertificate
_Details = CertChain.NoiseCertificate.Details


class CertificateError(WireError):
    """The server's certificate chain proves nothing: hang up before sending anything."""

    def __init__(self, message: str) -> None:
        super().__init__(f"verifying the server's certificates: {message}", hint=_HINT)


class MalformedCertificate(CertificateError):
    """A part of the chain is missing, unreadable, or has the wrong length."""


class UnknownRoot(CertificateError):
    """The intermediate was not signed by the root we trust."""


class BadSignature(CertificateError):
    """The leaf was not signed by the intermediate."""


class BadSerial(CertificateError):
    """A certificate names another issuer than the one it comes with."""


class NotYetValid(CertificateError):
    """A certificate's time has not come."""


class Expired(CertificateError):
    """A certificate's time is over, or it doesn't say when it ends."""


class KeyMismatch(CertificateError):
    """The leaf vouches for another key than the one used in the handshake."""


def verify_chain(chain: bytes, server_static: bytes, root: bytes, now_s: float) -> None:
    """Return if `chain` proves that `server_static` is the server's key at `now_s`.

    Args:
        chain: a serialized `CertChain`, as decrypted from the server's hello.
        server_static: the 32-byte key the server used in the handshake.
        root: the 32-byte key to trust: `WA_CERT_ROOT` outside of tests.
        now_s: unix time in seconds.

    Raises:
        CertificateError: a leaf of it, by cause.
    """
    parsed = _parsed(CertChain(), chain, "the chain")
    intermediate = _vouched(parsed.intermediate, root, UnknownRoot, "the intermediate")
    _check_issuer(intermediate, ROOT_SERIAL, "the intermediate")
    _check_dates(intermediate, now_s, "the intermediate")
    leaf = _vouched(parsed.leaf, intermediate.key, BadSignature, "the leaf")
    _check_issuer(leaf, intermediate.serial, "the leaf")
    _check_dates(leaf, now_s, "the leaf")
    if not hmac.compare_digest(leaf.key, server_static):
        raise KeyMismatch("the leaf names another key than the server's")


_Parsed = TypeVar("_Parsed", CertChain, _Details)


def _parsed(message: _Parsed, data: bytes, name: str) -> _Parsed:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedCertificate(f"{name} can't be read") from error
    return message


def _vouched(
    certificate: _Certificate, issuer_key: bytes, refusal: type[CertificateError], name: str
) -> _Details:
    """Return the details of a certificate that `issuer_key` signed."""
    details, signature = certificate.details, certificate.signature
    if not details or len(signature) != curve.SIGNATURE_BYTES:
        raise MalformedCertificate(f"{name} is missing, or its signature has the wrong length")
    if not curve.verify(issuer_key, details, signature):
        raise refusal(f"{name} was not signed by its issuer")
    parsed = _parsed(_Details(), details, name)
    if len(parsed.key) != curve.KEY_BYTES:
        raise MalformedCertificate(f"{name} has a key of {len(parsed.key)} bytes")
    return parsed


def _check_issuer(details: _Details, issuer_serial: int, name: str) -> None:
    if details.issuer_serial != issuer_serial:
        raise BadSerial(f"{name} names issuer {details.issuer_serial}, not {issuer_serial}")


def _check_dates(details: _Details, now_s: float, name: str) -> None:
    """Absent dates count as 0, so a certificate without an end is over (as in whatsmeow)."""
    if now_s < details.not_before:
        raise NotYetValid(f"{name} is valid from {details.not_before}, now is {now_s:.0f}")
    if now_s > details.not_after:
        raise Expired(f"{name} was valid until {details.not_after}, now is {now_s:.0f}")
