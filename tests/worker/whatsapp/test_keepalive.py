"""Proof of life, with a rhythm quick enough for a test."""

import asyncio
import os

import pytest

from worker.whatsapp.keepalive import Rhythm, keep_alive
from worker.whatsapp.queries import Queries, QueryTimeout
from worker.whatsapp.socket import ConnectionLost
from worker.wire import Node

QUICK = Rhythm(0.001, 0.002, 0.05)


class Wire:
    """The other side of some queries: answers as it is told."""

    def __init__(self, answers: int, kind: str = "result") -> None:
        self.asked: list[Node] = []
        self.answers = answers
        self.kind = kind
        self.queries = Queries(self.send, os.urandom)

    async def send(self, node: Node) -> None:
        self.asked.append(node)
        if len(self.asked) <= self.answers:
            reply = Node("iq", {"id": node.attrs["id"], "type": self.kind})
            asyncio.get_running_loop().call_soon(self.queries.answered, reply)


async def test_pings_go_on_while_answers_come_and_the_first_silence_ends_it() -> None:
    wire = Wire(answers=3)
    with pytest.raises(QueryTimeout):
        await keep_alive(wire.queries, os.urandom, QUICK)
    assert len(wire.asked) == 4
    assert all(node.attrs["xmlns"] == "w:p" for node in wire.asked)
    assert len({node.attrs["id"] for node in wire.asked}) == 4


async def test_a_refusal_is_proof_of_life_too() -> None:
    wire = Wire(answers=2, kind="error")
    with pytest.raises(QueryTimeout):
        await keep_alive(wire.queries, os.urandom, QUICK)
    assert len(wire.asked) == 3


async def test_a_closed_connection_ends_it() -> None:
    wire = Wire(answers=0)
    wire.queries.close()
    with pytest.raises(ConnectionLost):
        await keep_alive(wire.queries, os.urandom, QUICK)


def test_pauses_lie_between_the_bounds() -> None:
    rhythm = Rhythm()
    assert rhythm.pause_s(lambda count: b"\0" * count) == 15.0
    assert 29.9 < rhythm.pause_s(lambda count: b"\xff" * count) < 30.0


async def test_an_answer_to_nobody_is_passed_over() -> None:
    wire = Wire(answers=0)
    assert not wire.queries.answered(Node("iq", {"id": "nobody's", "type": "result"}))
    assert not wire.queries.answered(Node("ack", {}))
