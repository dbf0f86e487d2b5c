"""The exception families: every error that crosses a room's door is one of these.

An error carries what was attempted, on what, and what the operator can do about it.
Leaves live beside the code that raises them and derive from a family here, so that a
caller decides by family and a reader finds the cause by name.
"""


class WakeeperError(Exception):
    """Root of all our errors: a sentence for people, and a hint what to do.

    Args:
        message: what was attempted, on what, and what went wrong.
        hint: what the operator can do; empty where nothing can be done.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} — {self.hint}" if self.hint else self.message


class ConfigError(WakeeperError):
    """A setting is missing, malformed, or contradicts another: refuse to start."""


class WireError(WakeeperError):
    """Bytes from the network that are not what the protocol allows: close the connection."""


class SignalError(WakeeperError):
    """An encrypted message, key or signature that can't be accepted; no state was changed."""


class SessionError(WakeeperError):
    """The account's session file can't be used as it is; it was left untouched."""


class WhatsAppError(WakeeperError):
    """The server or the phone refused something, or broke the connection."""


class LinkError(WakeeperError):
    """The Unix socket between supervisor and worker broke or carried something illegal."""


class StoreError(WakeeperError):
    """The store could not be read or written; whether a write took place may be unknown."""


class InputError(WakeeperError):
    """A person or a program asked for something malformed; nothing was changed."""
