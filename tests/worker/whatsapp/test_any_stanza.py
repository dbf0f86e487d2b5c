"""Whatever the server sends: every stanza is settled once, and nothing but the disk may fail."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import SystemClock
from worker.session import Credentials, SessionFile
from worker.whatsapp.inbound import Inbound
from worker.wire import Node, decode, encode

ADDRESSES = (
    "15550000001@s.whatsapp.net",
    "15550000001:1@s.whatsapp.net",
    "15550000002@s.whatsapp.net",
    "15550000002:99@hosted",
    "1000000001:1@lid",
    "1000000002@lid",
    "1000000002:3@lid",
    "12036300@g.us",
    "status@broadcast",
    "12036300@newsletter",
    "@s.whatsapp.net",
    "s.whatsapp.net",
    "nonsense@@",
    "15550000002:9999999@s.whatsapp.net",
)
VALUES = st.sampled_from(
    (
        *ADDRESSES,
        *("0", "1", "4", "-1", "1750000000", "9" * 18, "x", ""),
        *("retry", "read", "encrypt", "devices", "w:gp2", "account_sync", "picture", "text"),
        *("msg", "pkmsg", "skmsg", "msmsg", "hide", "peer", "lid", "view_once"),
    )
)
NAMES = (
    *("type", "t", "participant", "recipient", "sender_pn", "sender_lid", "participant_pn"),
    *(
        "participant_lid",
        "peer_recipient_pn",
        "peer_recipient_lid",
        "category",
        "notify",
        "offline",
    ),
    *("lid", "jid", "count", "id", "key", "value", "decrypt-fail", "v", "subject", "phone_number"),
)
TAGS = (
    *("enc", "retry", "keys", "registration", "identity", "key", "skey", "list", "item", "user"),
    *("participants", "count", "devices", "remove", "add", "leave", "create", "group", "subject"),
    *("participant", "unavailable", "plaintext", "signature", "value", "id", "device-identity"),
)
BYTES = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=80).map(lambda data: b"\x33" + data),  # a Signal message by its version
)
ATTRS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)


def _node(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    content = st.one_of(st.none(), BYTES, st.lists(children, max_size=3))
    return st.builds(Node, st.sampled_from(TAGS), ATTRS, content)


CHILD = st.recursive(st.builds(Node, st.sampled_from(TAGS), ATTRS, BYTES), _node, max_leaves=6)
STANZA = st.builds(
    lambda tag, attrs, sender, name, content: Node(
        tag, {**attrs, "from": sender, "id": name}, content
    ),
    st.sampled_from(("message", "receipt", "notification", "call")),
    ATTRS,
    st.sampled_from(ADDRESSES),
    st.sampled_from(("3A01", "3A02", "3A03")),
    st.one_of(st.none(), BYTES, st.lists(CHILD, max_size=4)),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionFile]:
    """Give a paired session for all examples: what one leaves behind, the next one meets."""
    clock = SystemClock()
    credentials = Credentials.generate(clock, os.urandom).replace(
        jid="15550000001:1@s.whatsapp.net", lid="1000000001:1@lid", signed_device_identity=b"x"
    )
    path = tmp_path_factory.mktemp("any") / "session.db"
    with SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials)) as opened:
        opened._connection.execute("PRAGMA synchronous = OFF")  # the examples are many
        yield opened


def settling(replies: list[Node]) -> list[Node]:
    """Return the replies that settle their stanza."""
    return [
        reply
        for reply in replies
        if reply.tag == "ack" or reply.attrs.get("type") not in ("retry", "hist_sync")
    ]


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.lists(STANZA, min_size=1, max_size=4))
def test_every_stanza_of_any_batch_is_settled_once(file: SessionFile, batch: list[Node]) -> None:
    inbound = Inbound(file, SystemClock(), os.urandom)
    reactions = inbound.take(batch)
    assert len(reactions) == len(batch)
    for stanza, reaction in zip(batch, reactions, strict=True):
        (answer,) = settling(reaction.replies)
        assert answer.attrs["id"] == stanza.attrs["id"]
        assert answer.attrs["to"] == stanza.attrs["from"]
        for reply in reaction.replies:
            assert decode(encode(reply)).tag == reply.tag, "it can be written"
    assert inbound.handled == len(batch)
