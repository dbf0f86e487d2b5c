"""Why a message, key or bundle was not accepted. Whatever was raised, no state was changed."""

from shared.errors import SignalError


class MalformedMessage(SignalError):
    """The bytes are not a Signal message of the kind and version expected."""


class MalformedRecord(SignalError):
    """A stored session or sender key can't be read."""


class InvalidKey(SignalError):
    """A public key has the wrong form, or would make the shared secret known to everybody."""


class InvalidSignature(SignalError):
    """A signed pre-key or a group message is not by the one it names."""


class InvalidMac(SignalError):
    """No session with this peer made this message, or it was changed on its way."""


class DuplicateMessage(SignalError):
    """The message key was used already: a repetition, or its key was dropped long ago."""


class StaleMessage(SignalError):
    """The chain of the message is closed and it is none of the skipped ones."""


class TooFarAhead(SignalError):
    """The counter would make us skip more message keys than we keep."""


class NoSession(SignalError):
    """There is no session with this peer device."""


class NoSenderKey(NoSession):
    """The sender's key with this id was never distributed to us."""


class UnknownPreKey(SignalError):
    """The message names a pre-key of ours that we don't have (any more)."""
