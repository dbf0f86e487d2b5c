"""Faults on order: each is planned beforehand, and taken once (or `times` times) when it fits."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum


class FaultKind(Enum):
    """What can go wrong, and what the fault's `value` means for it."""

    LOGIN_FAILURE = "login_failure"  # <failure reason=value>; other attributes in `attrs`
    LOGIN_STREAM_ERROR = "login_stream_error"  # <stream:error code=value> instead of <success>
    LOGIN_CLOSE = "login_close"  # close the WebSocket with code `value` after the handshake
    NO_SUCCESS = "no_success"  # answer nothing to the login
    CERTIFICATE = "certificate"  # `value` names a CertificateDefect
    DROP_HANDSHAKE = "drop_handshake"  # close before the server's hello
    DROP_ACK = "drop_ack"  # take a stanza, but do not ack it
    NACK = "nack"  # refuse a message: <ack error=value>
    DUPLICATE = "duplicate"  # deliver a stanza twice
    DROP_AFTER = "drop_after"  # cut the connection once it has sent `value` more stanzas
    DROP_BEFORE_DELIVERY = "drop_before_delivery"  # cut it instead of delivering a message
    DELAY_S = "delay_s"  # wait `value` seconds before the next frame to the device
    GARBAGE = "garbage"  # send a frame whose plaintext (hex in `value`) is no node
    MUTE_IQ = "mute_iq"  # answer no <iq xmlns=value> ("" for any)
    FAIL_IQ = "fail_iq"  # answer <iq xmlns=value> with an internal error
    BUNDLE_SIGNATURE = "bundle_signature"  # hand out a signed pre-key with a broken signature
    NO_ONE_TIME_KEY = "no_one_time_key"  # hand out a bundle without a one-time key
    CORRUPT_MESSAGE = "corrupt_message"  # flip a bit in the ciphertext of a delivered message
    PAIR_HMAC = "pair_hmac"  # a pair-success with a wrong HMAC
    PAIR_SIGNATURE = "pair_signature"  # a pair-success with a wrong account signature


@dataclass(slots=True)
class Fault:
    """One planned fault.

    Attributes:
        kind: what goes wrong.
        value: see FaultKind.
        phone: only for devices of this phone number; "" for anybody.
        device: only for this device number; None for any of them.
        times: how often it still happens.
        attrs: further attributes of the node that is sent.
    """

    kind: FaultKind
    value: str = ""
    phone: str = ""
    device: int | None = None
    times: int = 1
    attrs: dict[str, str] = field(default_factory=dict)

    def fits(self, kind: FaultKind, phone: str, device: int | None) -> bool:
        """Tell whether this fault is due for `device` of `phone`."""
        return (
            self.kind is kind
            and self.times > 0
            and self.phone in ("", phone)
            and self.device in (None, device)
        )


@dataclass(slots=True)
class Faults:
    """The faults that are planned, in order."""

    planned: list[Fault] = field(default_factory=list)
    _held: dict[str, asyncio.Event] = field(default_factory=dict)

    def plan(
        self,
        kind: FaultKind | str,
        value: str | float = "",
        *,
        phone: str = "",
        device: int | None = None,
        times: int = 1,
        attrs: dict[str, str] | None = None,
    ) -> Fault:
        """Order a fault by its kind or the kind's name; see Fault for the arguments."""
        fault = Fault(FaultKind(kind), str(value), phone, device, times, attrs or {})
        self.planned.append(fault)
        return fault

    def take(
        self,
        kind: FaultKind,
        phone: str = "",
        device: int | None = None,
        *,
        value: str | None = None,
    ) -> Fault | None:
        """Use up the first planned fault that fits, if there is one.

        Args:
            kind: what could go wrong now.
            phone: whose turn it is.
            device: which of its devices.
            value: only a fault with this value, or with none.
        """
        for fault in self.planned:
            if fault.fits(kind, phone, device) and (value is None or fault.value in ("", value)):
                fault.times -= 1
                return fault
        return None

    def hold(self, phone: str) -> None:
        """Keep back all frames to the companions of `phone` until `release`."""
        self._held.setdefault(phone, asyncio.Event())

    def release(self, phone: str) -> None:
        """Let the frames that `hold` kept back go out."""
        event = self._held.pop(phone, None)
        if event is not None:
            event.set()

    async def released(self, phone: str) -> None:
        """Wait until nothing is held for `phone`."""
        while (event := self._held.get(phone)) is not None:
            await event.wait()

    def clear(self) -> None:
        """Forget everything that was planned, and release everything that is held."""
        self.planned.clear()
        for phone in list(self._held):
            self.release(phone)
