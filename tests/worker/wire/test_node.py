import pytest

from worker.wire import Jid, Node, NodeError

TREE = Node(
    "a", {"t": "17", "jid": "1:2@lid", "x": "y"}, [Node("b"), Node("c", {"n": "1"}), Node("b")]
)


def test_children_are_found_by_tag() -> None:
    assert [node.tag for node in TREE.children()] == ["b", "c", "b"]
    assert len(TREE.children("b")) == 2
    assert TREE.child("c") == Node("c", {"n": "1"})
    assert TREE.child("d") is None
    assert Node("a", {}, b"x").children() == []
    assert Node("a", {}, "x").child("b") is None


def test_attributes_are_read_by_kind() -> None:
    assert TREE.required("x") == "y"
    assert TREE.int("t") == 17
    assert Node("a", {"n": "-1"}).int("n") == -1
    assert TREE.jid("jid") == Jid("1", "lid", 2)


def test_missing_or_malformed_attributes_are_errors_that_name_them() -> None:
    for read in (TREE.required, TREE.int, TREE.jid):
        with pytest.raises(NodeError, match="'nothing'"):
            read("nothing")
    with pytest.raises(NodeError, match="'x'"):
        TREE.jid("x")
    for text in ("", "-", "1.5", "²", "1" * 21, " 1", "1_0", "+1"):
        with pytest.raises(NodeError, match="'n'"):
            Node("a", {"n": text}).int("n")


def test_content_as_bytes() -> None:
    assert Node("a", {}, b"x").bytes() == b"x"
    assert Node("a", {}, "é").bytes() == "é".encode()
    for node in (Node("a"), TREE):
        with pytest.raises(NodeError):
            node.bytes()


def test_the_outline_holds_no_values() -> None:
    assert TREE.outline == "a(b,c)"
    assert Node("a", {"id": "secret"}, b"secret").outline == "a"
