"""What people see of a message: its kind and its text."""

import pytest

from worker.proto import e2e_pb2
from worker.whatsapp.content import MAX_WRAPPERS, content_of, media_type, stanza_type, unwrap

M = e2e_pb2.Message
KEY = e2e_pb2.MessageKey(id="3A01")


def protocol(kind: int, **parts: object) -> M:
    return M(protocol_message=e2e_pb2.ProtocolMessage(type=kind, **parts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        (M(conversation="hi"), "text", "hi"),
        (M(extended_text_message=e2e_pb2.ExtendedTextMessage(text="a link")), "text", "a link"),
        (M(image_message=e2e_pb2.ImageMessage(caption="us")), "image", "us"),
        (M(image_message=e2e_pb2.ImageMessage()), "image", ""),
        (M(video_message=e2e_pb2.VideoMessage(caption="waves")), "video", "waves"),
        (M(audio_message=e2e_pb2.AudioMessage(ptt=True)), "audio", ""),
        (M(document_message=e2e_pb2.DocumentMessage(caption="the bill")), "document", "the bill"),
        (M(sticker_message=e2e_pb2.StickerMessage()), "sticker", ""),
        (M(location_message=e2e_pb2.LocationMessage(name="the quay")), "location", "the quay"),
        (M(contact_message=e2e_pb2.ContactMessage(display_name="Bob")), "contact", "Bob"),
        (M(reaction_message=e2e_pb2.ReactionMessage(key=KEY, text="👍")), "reaction", "👍"),
        (M(poll_creation_message=e2e_pb2.PollCreationMessage(name="when?")), "poll", "when?"),
        (protocol(e2e_pb2.REVOKE, key=KEY), "revoke", ""),
        (
            protocol(e2e_pb2.MESSAGE_EDIT, key=KEY, edited_message=M(conversation="better")),
            "edit",
            "better",
        ),
    ],
)
def test_kind_and_text(message: M, kind: str, text: str) -> None:
    content = content_of(message)
    assert content is not None
    assert (content.kind, content.text) == (kind, text)


def wrapped(name: str, inner: M) -> M:
    message = M()
    getattr(message, name).message.CopyFrom(inner)
    return message


@pytest.mark.parametrize(
    "wrapper",
    [
        "ephemeral_message",
        "view_once_message",
        "view_once_message_v2",
        "document_with_caption_message",
        "edited_message",
    ],
)
def test_wrappers_are_taken_off(wrapper: str) -> None:
    content = content_of(wrapped(wrapper, M(conversation="inside")))
    assert content is not None
    assert (content.kind, content.text) == ("text", "inside")


def test_an_edit_comes_wrapped_and_is_still_an_edit() -> None:
    edit = protocol(e2e_pb2.MESSAGE_EDIT, key=KEY, edited_message=M(conversation="better"))
    content = content_of(wrapped("edited_message", edit))
    assert content is not None
    assert (content.kind, content.text) == ("edit", "better")


def test_endless_wrapping_comes_to_an_end() -> None:
    message = M(conversation="deep")
    for _ in range(MAX_WRAPPERS + 20):
        message = wrapped("ephemeral_message", message)
    assert unwrap(message).HasField("ephemeral_message")
    content = content_of(message)
    assert content is None or content.kind == "unknown"


def test_an_edit_of_an_edit_of_an_edit_does_not_exhaust_us() -> None:
    message = M(conversation="deep")
    for _ in range(30):
        message = protocol(e2e_pb2.MESSAGE_EDIT, edited_message=message)
    content = content_of(message)
    assert content is not None
    assert content.kind == "edit"


@pytest.mark.parametrize("beside", [M(), M(message_context_info={"message_secret": b"s"})])
def test_what_a_newer_client_made_is_unknown_and_not_lost(beside: M) -> None:
    newer = M.FromString(b"\xa2\x3f\x03\x0a\x01\x41")  # field 1012, of which we know nothing
    newer.MergeFrom(beside)
    content = content_of(newer)
    assert content is not None
    assert (content.kind, content.text) == ("unknown", "")


@pytest.mark.parametrize(
    "message",
    [
        M(),
        M(sender_key_distribution_message=e2e_pb2.SenderKeyDistributionMessage(group_id="g")),
        M(message_context_info=e2e_pb2.MessageContextInfo(message_secret=b"s")),
        protocol(e2e_pb2.EPHEMERAL_SETTING),
        protocol(e2e_pb2.APP_STATE_SYNC_KEY_SHARE),
    ],
    ids=["nothing", "sender key", "context", "timer", "key share"],
)
def test_nothing_to_see(message: M) -> None:
    assert content_of(message) is None


@pytest.mark.parametrize(
    ("message", "stanza", "media"),
    [
        (M(conversation="x"), "text", None),
        (M(image_message=e2e_pb2.ImageMessage()), "media", "image"),
        (M(audio_message=e2e_pb2.AudioMessage(ptt=True)), "media", "ptt"),
        (M(audio_message=e2e_pb2.AudioMessage()), "media", "audio"),
        (M(video_message=e2e_pb2.VideoMessage(gif_playback=True)), "media", "gif"),
        (M(reaction_message=e2e_pb2.ReactionMessage(text="x")), "reaction", None),
        (M(poll_creation_message=e2e_pb2.PollCreationMessage(name="x")), "poll", None),
    ],
)
def test_stanza_types(message: M, stanza: str, media: str | None) -> None:
    assert (stanza_type(message), media_type(message)) == (stanza, media)
