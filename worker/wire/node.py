"""Nodes: the XML-like trees that client and server send each other.

Also the limits both directions keep, and the ways in which a node can be wrong.
"""

import builtins
from dataclasses import dataclass, field
from typing import Final

from shared.errors import WireError
from worker.wire.jid import Jid, MalformedJid

MAX_DEPTH: Final = 64
"""Levels of nodes within nodes; real ones have fewer than ten."""

MAX_ITEMS: Final = 1 << 22
"""Attributes' keys and values, tags, contents and children of one tree, counted together."""

MAX_LIST_ITEMS: Final = 0xFFFF
"""What a list's size field can say."""

MAX_INFLATED_BYTES: Final = 32 << 20
"""A compressed node may become this long, no longer."""

MAX_NUMBER_CHARACTERS: Final = 20
"""Digits of an attribute that is read as a number: 64 bits and a sign."""

MAX_OUTLINE_CHARACTERS: Final = 80
"""Of each level in a log line."""

MAX_JID_NESTING: Final = 8
"""JIDs within JIDs: what Baileys makes of a text with several `@`."""


class NodeError(WireError):
    """Bytes that are no node, or a node that isn't what it has to be."""


class TruncatedNode(NodeError):
    """The bytes end inside a node."""


class TrailingBytes(NodeError):
    """Bytes are left over behind the node: reader and writer disagree about it."""


class UnknownTag(NodeError):
    """A byte that can't stand where it stands, or an index outside of its dictionary."""


class OversizedNode(NodeError):
    """A node deeper, wider or (inflated) longer than the limits of this module."""


class CorruptCompression(NodeError):
    """The compressed part of a frame can't be inflated."""


@dataclass(slots=True)
class Node:
    """One element: a tag, attributes, and content. Compares by value.

    Attributes:
        tag: never empty.
        attrs: texts, JIDs in Baileys' text form (`jid.py`).
        content: bytes, a text, children, or None. A text that is no token, JID or number comes
            back from the wire as bytes, because there it looks the same.
    """

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    content: "builtins.bytes | str | list[Node] | None" = None

    def children(self, tag: str | None = None) -> "list[Node]":
        """Return the children, or those named `tag`; an empty list where there are none."""
        if not isinstance(self.content, list):
            return []
        return [child for child in self.content if tag is None or child.tag == tag]

    def child(self, tag: str) -> "Node | None":
        """Return the first child named `tag`, or None."""
        if not isinstance(self.content, list):
            return None
        return next((child for child in self.content if child.tag == tag), None)

    def bytes(self) -> builtins.bytes:
        """Return the content as bytes (a text as UTF-8).

        Raises:
            NodeError: there is none, or it is a list of children.
        """
        if isinstance(self.content, str):
            return self.content.encode()
        if isinstance(self.content, bytes):
            return self.content
        raise NodeError(f"reading <{self.tag}>: it has no bytes as content")

    def required(self, name: str) -> str:
        """Return the attribute `name`.

        Raises:
            NodeError: it is missing.
        """
        value = self.attrs.get(name)
        if value is None:
            raise NodeError(f"reading <{self.tag}>: the attribute {name!r} is missing")
        return value

    def jid(self, name: str) -> Jid:
        """Return the attribute `name` as a JID.

        Raises:
            NodeError: it is missing or not a JID.
        """
        value = self.required(name)
        try:
            return Jid.parse(value)
        except MalformedJid as error:
            raise NodeError(f"reading <{self.tag}>: {name!r} is not a JID") from error

    def int(self, name: str) -> builtins.int:
        """Return the attribute `name` as a decimal number.

        Raises:
            NodeError: it is missing, not a number, or absurdly long.
        """
        value = self.required(name)
        digits = value.removeprefix("-")
        if len(value) > MAX_NUMBER_CHARACTERS or not (digits.isascii() and digits.isdecimal()):
            raise NodeError(f"reading <{self.tag}>: {name!r} is not a number")
        return int(value)

    @property
    def outline(self) -> str:
        """Tags only, two levels of them: fit for a log, where no value of a node may go."""
        tags = dict.fromkeys(child.tag for child in self.children())
        names = ",".join(tags)[:MAX_OUTLINE_CHARACTERS]
        tag = self.tag[:MAX_OUTLINE_CHARACTERS]
        return f"{tag}({names})" if names else tag
