"""One whatsmeow client as a witness, driven by JSON lines; same words as baileys.mjs.

python whatsmeow.py URL ROOT_HEX FOLDER — in an environment that has neonize.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # the library prints what it likes; stdout is ours

# The type checker's environment has none of these.
import neonize._binder  # type: ignore[import-not-found]  # noqa: E402, F401
from neonize.client import NewClient  # type: ignore[import-not-found]  # noqa: E402
from neonize.events import (  # type: ignore[import-not-found]  # noqa: E402
    ConnectedEv,
    ConnectFailureEv,
    DisconnectedEv,
    LoggedOutEv,
    MessageEv,
    OfflineSyncCompletedEv,
    PairStatusEv,
    ReceiptEv,
    StreamErrorEv,
    StreamReplacedEv,
    UndecryptableMessageEv,
)
from neonize.utils.jid import Jid2String, build_jid  # type: ignore[import-not-found]  # noqa: E402
from wm_patch import patch  # type: ignore[import-not-found]  # noqa: E402

_lock = threading.Lock()


def say(event: str, **fields: Any) -> None:
    with _lock:
        print(json.dumps({"event": event, **fields}), file=_out)


def jid(text: str) -> Any:
    user, _, server = text.partition("@")
    return build_jid(user, server or "s.whatsapp.net")


def text_of(message: Any) -> str:
    return message.conversation or message.extendedTextMessage.text or ""


class Witness:
    def __init__(self, folder: str) -> None:
        self.client = NewClient(str(Path(folder) / "whatsmeow.db"))
        self.client.event.qr(lambda _client, data: say("qr", qr=data.decode()))
        on = self.client.event
        on(PairStatusEv)(lambda _client, _event: say("paired"))
        on(ConnectedEv)(self._open)
        on(OfflineSyncCompletedEv)(lambda _client, event: say("caught_up", count=event.Count))
        on(MessageEv)(self._message)
        on(UndecryptableMessageEv)(self._undecryptable)
        on(ReceiptEv)(self._receipt)
        on(LoggedOutEv)(lambda _client, event: say("close", code=401, reason=str(event)))
        on(ConnectFailureEv)(lambda _client, event: say("close", code=int(event.Reason), reason=""))
        on(StreamErrorEv)(lambda _client, event: say("close", code=int(event.Code or 0), reason=""))
        on(StreamReplacedEv)(lambda _client, _event: say("close", code=440, reason="replaced"))
        on(DisconnectedEv)(lambda _client, _event: say("disconnected"))

    def _open(self, client: Any, _event: Any) -> None:
        threading.Thread(target=self._say_open, args=(client,), daemon=True).start()

    def _say_open(self, client: Any) -> None:
        me = client.get_me()
        say("open", jid=Jid2String(me.JID), lid=Jid2String(me.LID))

    def _message(self, _client: Any, event: Any) -> None:
        self._say_message(event.Info, text_of(event.Message), "")

    def _undecryptable(self, _client: Any, event: Any) -> None:
        self._say_message(event.Info, "", "undecryptable")

    def _say_message(self, info: Any, text: str, problem: str) -> None:
        source = info.MessageSource
        say(
            "message",
            id=info.ID,
            chat=Jid2String(source.Chat),
            alt=Jid2String(source.SenderAlt),
            sender=Jid2String(source.Sender),
            from_me=source.IsFromMe,
            text=text,
            problem=problem,
            name=info.Pushname,
        )

    def _receipt(self, _client: Any, event: Any) -> None:
        chat = Jid2String(event.MessageSource.Chat)
        for message_id in event.MessageIDs:
            say("receipt", id=message_id, chat=chat, kind=int(event.Type))

    def connect(self, _command: dict[str, Any]) -> None:
        threading.Thread(target=self.client.connect, daemon=True).start()

    def disconnect(self, _command: dict[str, Any]) -> None:
        self.client.disconnect()

    def send(self, command: dict[str, Any]) -> str:
        sent: str = self.client.send_message(jid(command["to"]), command["text"]).ID
        return sent

    def create_group(self, command: dict[str, Any]) -> str:
        members = [jid(member) for member in command["members"]]
        return str(Jid2String(self.client.create_group(command["subject"], members).JID))

    def exists(self, command: dict[str, Any]) -> bool:
        return bool(self.client.is_on_whatsapp(command["phone"])[0].IsIn)

    def logout(self, _command: dict[str, Any]) -> None:
        self.client.logout()

    def obey(self, command: dict[str, Any]) -> None:
        try:
            value = getattr(self, command["op"])(command)
        except Exception as error:  # noqa: BLE001  told to who gave the command
            say("reply", id=command["id"], ok=False, error=repr(error))
        else:
            say("reply", id=command["id"], ok=True, value=value)


def main() -> None:
    url, root, folder = sys.argv[1:4]
    patch(bytes.fromhex(root), urlsplit(url).port or 0)
    witness = Witness(folder)
    say("ready")
    for line in sys.stdin:
        threading.Thread(target=witness.obey, args=(json.loads(line),), daemon=True).start()
    _out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
