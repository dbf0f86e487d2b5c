"""What is answered to a stanza, so that WhatsApp never delivers it again (or knows why not)."""

from enum import IntEnum

from worker.wire import Node


class Nack(IntEnum):
    """Why a stanza was refused (codes: whatsmeow receipt.go)."""

    PARSING_ERROR = 487
    UNRECOGNIZED_STANZA = 488
    UNRECOGNIZED_CLASS = 489
    UNRECOGNIZED_TYPE = 490
    INVALID_PROTOBUF = 491
    MISSING_MESSAGE_SECRET = 495
    UNHANDLED_ERROR = 500
    DATABASE_FAILED = 552


# These classes are acknowledged one by one; everything else is answered by what it asks for.
ACKED_TAGS = frozenset({"message", "receipt", "notification", "call"})


def is_answerable(stanza: Node) -> bool:
    """Tell whether a stanza says whom an answer goes to, and about what."""
    return bool(stanza.attrs.get("from") and stanza.attrs.get("id"))


def ack(stanza: Node, nack: Nack | None = None) -> Node:
    """Return the `<ack>` that settles a stanza; with `nack`, the one that refuses it.

    A message's own `type` is left out, every other class repeats it (whatsmeow receipt.go).
    """
    attrs = {"class": stanza.tag, "id": stanza.attrs["id"], "to": stanza.attrs["from"]}
    for name in ("participant", "recipient"):
        if name in stanza.attrs:
            attrs[name] = stanza.attrs[name]
    if stanza.tag != "message" and "type" in stanza.attrs:
        attrs["type"] = stanza.attrs["type"]
    if nack is not None:
        attrs["error"] = str(int(nack))
    return Node("ack", attrs)
