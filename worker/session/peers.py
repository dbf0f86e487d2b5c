"""What we have learned about others: their LIDs, devices, groups, and privacy tokens."""

import json
from dataclasses import asdict, dataclass, field

from worker.session.transaction import Repository
from worker.wire.jid import LID, PN


class Lids(Repository):
    """Which LID user is which phone-number user; one to one, in both directions."""

    def learn(self, lid: str, pn: str) -> bool:
        """Keep a pair of users; a pair that either was part of goes.

        Args:
            lid: the user part of a LID.
            pn: the user part of a phone-number JID.

        Returns:
            Whether this is news.
        """
        if self.pn_of(lid) == pn:
            return False
        self._transaction.execute("DELETE FROM lids WHERE lid_user = ? OR pn_user = ?", (lid, pn))
        self._transaction.execute(
            "INSERT INTO lids (lid_user, pn_user, learned_at_ms) VALUES (?, ?, ?)",
            (lid, pn, self._now_ms()),
        )
        return True

    def lid_of(self, pn: str) -> str | None:
        """Return the LID user of a phone-number user."""
        return self._one("SELECT lid_user FROM lids WHERE pn_user = ?", pn)

    def pn_of(self, lid: str) -> str | None:
        """Return the phone-number user of a LID user."""
        return self._one("SELECT pn_user FROM lids WHERE lid_user = ?", lid)

    def other(self, jid: str) -> str | None:
        """Return the other JID of a person ("user@server"), where it is known."""
        user, _, server = jid.partition("@")
        if server == PN:
            lid = self.lid_of(user)
            return None if lid is None else f"{lid}@{LID}"
        if server == LID:
            pn = self.pn_of(user)
            return None if pn is None else f"{pn}@{PN}"
        return None

    def pairs(self) -> list[tuple[str, str]]:
        """Return all pairs, LID user first."""
        return list(self._transaction.execute("SELECT lid_user, pn_user FROM lids"))

    def _one(self, sql: str, user: str) -> str | None:
        row = self._transaction.execute(sql, (user,)).fetchone()
        return None if row is None else str(row[0])


@dataclass(frozen=True, slots=True)
class Device:
    """One device of somebody; `key_index` is its place in the signed device list."""

    device: int
    key_index: int = 0


@dataclass(frozen=True, slots=True)
class DeviceList:
    """Somebody's devices, as the server told them; 0 is the phone."""

    devices: tuple[Device, ...]
    fetched_at_ms: int


class Devices(Repository):
    """Device lists by user ("user@server"), so that not every message asks for them."""

    def get(self, user: str) -> DeviceList | None:
        """Return the list and its age; how old is too old is the caller's question."""
        row = self._transaction.execute(
            "SELECT devices, fetched_at_ms FROM devices WHERE user = ?", (user,)
        ).fetchone()
        if row is None:
            return None
        return DeviceList(tuple(Device(*pair) for pair in json.loads(row[0])), row[1])

    def put(self, user: str, devices: tuple[Device, ...]) -> None:
        """Keep a list that was fetched just now."""
        text = json.dumps([[d.device, d.key_index] for d in devices], separators=(",", ":"))
        self._transaction.execute(
            "INSERT OR REPLACE INTO devices (user, devices, fetched_at_ms) VALUES (?, ?, ?)",
            (user, text, self._now_ms()),
        )

    def delete(self, user: str) -> None:
        """Forget the list, so that it is fetched again; harmless where there is none."""
        self._transaction.execute("DELETE FROM devices WHERE user = ?", (user,))


@dataclass(frozen=True, slots=True)
class Participant:
    """A member of a group.

    Attributes:
        jid: as the group addresses them.
        pn: their phone-number JID, where the server told it.
        lid: their LID, where the server told it.
        role: "", "admin" or "superadmin".
    """

    jid: str
    pn: str = ""
    lid: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group as the server told it; `addressing_mode` is "pn" or "lid"."""

    jid: str
    subject: str
    addressing_mode: str
    participants: tuple[Participant, ...]
    fetched_at_ms: int = 0


class Groups(Repository):
    """Groups by JID."""

    def get(self, jid: str) -> Group | None:
        """Return the group and its age."""
        row = self._transaction.execute(
            "SELECT subject, addressing_mode, participants, fetched_at_ms "
            "FROM chat_groups WHERE jid = ?",
            (jid,),
        ).fetchone()
        if row is None:
            return None
        members = tuple(Participant(**member) for member in json.loads(row[2]))
        return Group(jid, row[0], row[1], members, row[3])

    def put(self, group: Group) -> None:
        """Keep a group that was fetched just now."""
        members = json.dumps([asdict(p) for p in group.participants], separators=(",", ":"))
        self._transaction.execute(
            "INSERT OR REPLACE INTO chat_groups "
            "(jid, subject, addressing_mode, participants, fetched_at_ms) VALUES (?, ?, ?, ?, ?)",
            (group.jid, group.subject, group.addressing_mode, members, self._now_ms()),
        )

    def delete(self, jid: str) -> None:
        """Forget the group, so that it is fetched again; harmless where there is none."""
        self._transaction.execute("DELETE FROM chat_groups WHERE jid = ?", (jid,))


@dataclass(frozen=True, slots=True)
class PrivacyToken:
    """A peer's leave to write to it (`tctoken`).

    Attributes:
        token: opaque.
        timestamp_s: when the peer gave it, by the server's clock.
        sent_at_s: when we last gave ours; 0 for never.
    """

    token: bytes = field(repr=False)
    timestamp_s: int
    sent_at_s: int = 0


class PrivacyTokens(Repository):
    """Privacy tokens by the peer's JID."""

    def get(self, jid: str) -> PrivacyToken | None:
        """Return the peer's token."""
        row = self._transaction.execute(
            "SELECT token, timestamp_s, sent_at_s FROM privacy_tokens WHERE jid = ?", (jid,)
        ).fetchone()
        return None if row is None else PrivacyToken(*row)

    def put(self, jid: str, token: PrivacyToken) -> None:
        """Keep the peer's token."""
        self._transaction.execute(
            "INSERT OR REPLACE INTO privacy_tokens (jid, token, timestamp_s, sent_at_s) "
            "VALUES (?, ?, ?, ?)",
            (jid, token.token, token.timestamp_s, token.sent_at_s),
        )

    def jids(self) -> list[str]:
        """Return the peers whose token we have."""
        return [jid for (jid,) in self._transaction.execute("SELECT jid FROM privacy_tokens")]
