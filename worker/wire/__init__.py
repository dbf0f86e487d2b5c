"""Bytes: frames, the Noise handshake, binary nodes, JIDs, and the curve's arithmetic. No I/O."""

from worker.wire.decoder import decode
from worker.wire.encoder import encode
from worker.wire.jid import Jid, MalformedJid
from worker.wire.node import Node, NodeError

__all__ = ["Jid", "MalformedJid", "Node", "NodeError", "decode", "encode"]
