"""Signal peers of other implementations, as Python objects (they live in node/signal_peer.mjs)."""

import contextlib
import json
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.interop.node_oracle import running_node
from worker.signal import PreKeyBundle
from worker.wire.curve import typed, untyped

ANSWER_S = 30.0


class RefusedError(Exception):
    """The foreign implementation raised an error; this is its text."""


@dataclass
class Oracle:
    """The Node process: one question, one answer."""

    process: subprocess.Popen[bytes]

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"op": op, **request}).encode() + b"\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], ANSWER_S)[0], f"no answer to {op}"
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            raise RefusedError(answer["error"])
        return answer

    def peer(self, kind: str) -> "ForeignPeer":
        return ForeignPeer(self, kind, self.ask("new", kind=kind)["peer"])

    def sign(self, kind: str, private: bytes, message: bytes) -> bytes:
        answer = self.ask("sign", kind=kind, private=private.hex(), message=message.hex())
        return bytes.fromhex(answer["signature"])

    def verify(self, kind: str, public: bytes, message: bytes, signature: bytes) -> bool:
        texts = {"public": typed(public).hex(), "message": message.hex()}
        return bool(self.ask("verify", kind=kind, signature=signature.hex(), **texts)["valid"])


@contextlib.contextmanager
def running_oracle() -> Iterator[Oracle]:
    with running_node("signal_peer.mjs") as process:
        yield Oracle(process)


@dataclass
class ForeignPeer:
    """A peer of another implementation, with the commands of `OurPeer`."""

    oracle: Oracle
    kind: str
    number: int

    def _ask(self, op: str, **request: Any) -> dict[str, Any]:
        return self.oracle.ask(op, peer=self.number, **request)

    def bundle(self, *, one_time: bool = True) -> PreKeyBundle:
        bundle = self._ask("bundle", oneTime=one_time)["bundle"]
        signed, one = bundle["signedPreKey"], bundle.get("preKey")
        return PreKeyBundle(
            registration_id=bundle["registrationId"],
            identity_key=untyped(bytes.fromhex(bundle["identityKey"])),
            signed_pre_key_id=signed["keyId"],
            signed_pre_key=untyped(bytes.fromhex(signed["publicKey"])),
            signature=bytes.fromhex(signed["signature"]),
            pre_key_id=one and one["keyId"],
            pre_key=one and untyped(bytes.fromhex(one["publicKey"])),
        )

    def start(self, name: str, bundle: PreKeyBundle) -> None:
        signed = {
            "keyId": bundle.signed_pre_key_id,
            "publicKey": typed(bundle.signed_pre_key).hex(),
            "signature": bundle.signature.hex(),
        }
        text: dict[str, Any] = {
            "registrationId": bundle.registration_id,
            "identityKey": typed(bundle.identity_key).hex(),
            "signedPreKey": signed,
        }
        if bundle.pre_key is not None:
            text["preKey"] = {"keyId": bundle.pre_key_id, "publicKey": typed(bundle.pre_key).hex()}
        self._ask("start", name=name, bundle=text)

    def encrypt(self, name: str, plaintext: bytes) -> tuple[str, bytes]:
        answer = self._ask("encrypt", name=name, plaintext=plaintext.hex())
        return answer["type"], bytes.fromhex(answer["data"])

    def decrypt(self, name: str, kind: str, data: bytes) -> bytes:
        return _plain(self._ask("decrypt", name=name, type=kind, data=data.hex()))

    def pre_key_ids(self) -> list[int]:
        ids: list[int] = self._ask("preKeys")["ids"]
        return ids

    def create_group(self, group: str, own: str) -> bytes:
        return bytes.fromhex(self._ask("createGroup", group=group, own=own)["data"])

    def leave_group(self) -> None:
        self._ask("leaveGroup")

    def process_group(self, group: str, sender: str, data: bytes) -> None:
        self._ask("processGroup", group=group, sender=sender, data=data.hex())

    def encrypt_group(self, group: str, own: str, plaintext: bytes) -> bytes:
        texts = {"group": group, "sender": own, "plaintext": plaintext.hex()}
        return bytes.fromhex(self._ask("encryptGroup", **texts)["data"])

    def decrypt_group(self, group: str, sender: str, data: bytes) -> bytes:
        return _plain(self._ask("decryptGroup", group=group, sender=sender, data=data.hex()))


def _plain(answer: dict[str, Any]) -> bytes:
    return bytes.fromhex(answer["plaintext"])
