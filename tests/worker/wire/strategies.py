"""Hypothesis strategies: texts as WhatsApp sends them, and whole nodes."""

from hypothesis import strategies as st

from worker.wire import Node
from worker.wire.tokens import TOKEN_CODES

_digits = st.text("0123456789", min_size=1, max_size=20)
_device_servers = st.sampled_from(["s.whatsapp.net", "lid", "hosted", "hosted.lid"])
_other_servers = st.sampled_from(["g.us", "broadcast", "newsletter", "bot", "c.us", "call"])
_numbers = st.integers(0, 0xFFFF)

jids = st.one_of(
    st.builds("{}@{}".format, _digits, st.one_of(_device_servers, _other_servers)),
    st.builds("{}:{}@{}".format, _digits, st.integers(1, 255), _device_servers),
    st.builds("{}-{}:{}@interop".format, _numbers, _digits, _numbers),
    st.builds("{}:{}@msgr".format, _digits, _numbers),
    st.just("@s.whatsapp.net"),
)

texts = st.one_of(
    st.sampled_from(sorted(TOKEN_CODES)),
    jids,
    st.text("0123456789.-", max_size=140),
    st.text("0123456789ABCDEF", max_size=140),
    st.text(max_size=300),
)

_names = texts.filter(bool)


def nodes() -> st.SearchStrategy[Node]:
    """Nodes that come back as they went in: a text content is one that stays a text."""
    contents = st.one_of(st.none(), st.binary(max_size=300), jids)
    attrs = st.dictionaries(_names, texts, max_size=6)
    leaf = st.builds(Node, _names, attrs, contents)
    return st.recursive(
        leaf,
        lambda children: st.builds(Node, _names, attrs, st.lists(children, max_size=4)),
        max_leaves=12,
    )
