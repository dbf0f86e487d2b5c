"""What a decrypted message is: its kind, its text, and whether it is one at all.

The protobuf `Message` has one field set beside the book-keeping ones; wrappers (ephemeral,
view-once, document with caption, edited) are taken off first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from worker.proto import e2e_pb2

# A wrapper inside a wrapper happens (ephemeral + view-once); deeper is not made by any client.
MAX_WRAPPERS = 5

_WRAPPERS = (
    "ephemeral_message",
    "view_once_message",
    "view_once_message_v2",
    "view_once_message_v2_extension",
    "document_with_caption_message",
    "group_mentioned_message",
    "edited_message",
    "lottie_sticker_message",
    "associated_child_message",
    "bot_invoke_message",
    "poll_creation_message_v4",
)

Message = e2e_pb2.Message


@dataclass(frozen=True, slots=True)
class Content:
    """A message as people see it."""

    kind: str
    """text, image, video, audio, document, sticker, location, contact, reaction, poll, revoke,
    edit, or unknown."""
    text: str
    """The text or caption; empty for kinds without one."""


def unwrap(message: Message) -> Message:
    """Return the message inside its wrappers."""
    for _ in range(MAX_WRAPPERS):
        for name in _WRAPPERS:
            if message.HasField(name):
                message = getattr(message, name).message
                break
        else:
            break
    return message


def content_of(message: Message) -> Content | None:
    """Return what people see of a message; None where there is nothing to see.

    Nothing to see: sender keys alone, and what devices of one account tell each other.
    """
    inner = unwrap(message)
    for name, kind, text in _KINDS:
        if inner.HasField(name):
            return Content(kind, text(getattr(inner, name)))
    if inner.HasField("protocol_message"):
        return _of_protocol_message(inner.protocol_message)
    return Content("unknown", "") if _says_something(inner) else None


def _of_protocol_message(protocol: e2e_pb2.ProtocolMessage) -> Content | None:
    if protocol.type == e2e_pb2.REVOKE:
        return Content("revoke", "")
    if protocol.type == e2e_pb2.MESSAGE_EDIT:
        edited = content_of(protocol.edited_message)
        return Content("edit", edited.text if edited is not None else "")
    return None


# What may stand beside the content, or alone without being one.
_BOOK_KEEPING = frozenset(
    {
        "sender_key_distribution_message",
        "fast_ratchet_key_sender_key_distribution_message",
        "message_context_info",
    }
)


def _says_something(message: Message) -> bool:
    """Tell whether anything stands beside the book-keeping, be it a field we don't know yet."""
    rest = e2e_pb2.Message.FromString(message.SerializeToString())
    for name in _BOOK_KEEPING:
        rest.ClearField(name)
    return rest.ByteSize() > 0


def _whole(value: str) -> str:
    return value


def _named(field: str) -> Callable[[object], str]:
    return lambda part: str(getattr(part, field))


def _nothing(_: object) -> str:
    return ""


def _place(part: e2e_pb2.LocationMessage) -> str:
    return part.comment or part.name or part.address


# Field of Message, our kind, where its text stands. First match wins.
_KINDS: tuple[tuple[str, str, Callable[..., str]], ...] = (
    ("conversation", "text", _whole),
    ("extended_text_message", "text", _named("text")),
    ("image_message", "image", _named("caption")),
    ("video_message", "video", _named("caption")),
    ("ptv_message", "video", _named("caption")),
    ("audio_message", "audio", _nothing),
    ("document_message", "document", _named("caption")),
    ("sticker_message", "sticker", _nothing),
    ("location_message", "location", _place),
    ("live_location_message", "location", _named("caption")),
    ("contact_message", "contact", _named("display_name")),
    ("contacts_array_message", "contact", _named("display_name")),
    ("reaction_message", "reaction", _named("text")),
    ("enc_reaction_message", "reaction", _nothing),
    ("poll_creation_message", "poll", _named("name")),
    ("poll_creation_message_v2", "poll", _named("name")),
    ("poll_creation_message_v3", "poll", _named("name")),
    ("poll_creation_message_v5", "poll", _named("name")),
    ("poll_update_message", "poll", _nothing),
    ("buttons_response_message", "text", _named("selected_display_text")),
    ("list_response_message", "text", _named("title")),
    ("template_button_reply_message", "text", _named("selected_display_text")),
    ("group_invite_message", "text", _named("caption")),
)


# Media types as the `enc` node spells them (whatsmeow send.go, getMediaTypeFromMessage).
_MEDIA_TYPES = {
    "image_message": "image",
    "sticker_message": "sticker",
    "document_message": "document",
    "video_message": "video",
    "contact_message": "vcard",
    "contacts_array_message": "contact_array",
}


def media_type(message: Message) -> str | None:
    """Return the `mediatype` that the stanza must name, None for a message without media."""
    inner = unwrap(message)
    if inner.HasField("audio_message"):
        return "ptt" if inner.audio_message.ptt else "audio"
    if inner.HasField("video_message") and inner.video_message.gif_playback:
        return "gif"
    return next((kind for name, kind in _MEDIA_TYPES.items() if inner.HasField(name)), None)


def stanza_type(message: Message) -> str:
    """Return the stanza's `type`: text, media, reaction or poll (whatsmeow getTypeFromMessage)."""
    inner = unwrap(message)
    if inner.HasField("reaction_message") or inner.HasField("enc_reaction_message"):
        return "reaction"
    if inner.HasField("poll_creation_message") or inner.HasField("poll_update_message"):
        return "poll"
    return "media" if media_type(inner) is not None else "text"
