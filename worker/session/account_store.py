"""Credentials in the session file: one row, whose identity can't be swapped once it is paired."""

import hmac
from typing import Any

from worker.session.credentials import Credentials
from worker.session.errors import IdentityReplaced, SessionCorrupt, SessionMissing
from worker.session.pre_keys import SignedPreKeys
from worker.session.transaction import Repository
from worker.wire.curve import KeyPair

_COLUMNS = (
    "noise_private, noise_public, identity_private, identity_public, signed_pre_key_id, "
    "registration_id, adv_secret, session_id, lineage, created_at_ms, jid, lid, platform, "
    "push_name, signed_device_identity, account_signature_key, routing_info, server_time_offset_s"
)
_SIGNED_PRE_KEY_COLUMN = 4
_PLACES = ", ".join("?" * len(_COLUMNS.split(",")))


class CredentialsRepository(Repository):
    """The one row that says who the account is."""

    def get(self) -> Credentials:
        """Return the credentials.

        Raises:
            SessionMissing: none were ever put.
            SessionCorrupt: the signed pre-key they name is not there.
        """
        row = self._row()
        if row is None:
            raise SessionMissing("the session file holds no credentials", hint="pair the account")
        noise, identity = KeyPair(row[0], row[1]), KeyPair(row[2], row[3])
        signed = SignedPreKeys(self._transaction, self._clock).get(row[_SIGNED_PRE_KEY_COLUMN])
        if signed is None:
            raise SessionCorrupt("the session file lacks the signed pre-key in use")
        return Credentials(noise, identity, signed, *row[_SIGNED_PRE_KEY_COLUMN + 1 :])

    def put(self, credentials: Credentials) -> None:
        """Write the credentials; their signed pre-key is kept with the earlier ones.

        Raises:
            IdentityReplaced: a paired account would get another identity or session id.
        """
        self._refuse_another_identity(credentials)
        SignedPreKeys(self._transaction, self._clock).put(credentials.signed_pre_key)
        self._transaction.execute(
            f"INSERT OR REPLACE INTO credentials (only, {_COLUMNS}) VALUES (1, {_PLACES})",  # noqa: S608 - our own column names
            _as_row(credentials),
        )

    def update(self, **changes: Any) -> Credentials:
        """Change some fields of what is stored now, and return the result."""
        credentials = self.get().replace(**changes)
        self.put(credentials)
        return credentials

    def exist(self) -> bool:
        """Tell whether there are any."""
        return self._row() is not None

    def _row(self) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._transaction.execute(
            f"SELECT {_COLUMNS} FROM credentials"  # noqa: S608 - our own column names
        ).fetchone()
        return row

    def _refuse_another_identity(self, new: Credentials) -> None:
        if self._row() is None:
            return
        old = self.get()
        same_key = hmac.compare_digest(old.identity_key.private, new.identity_key.private)
        same = same_key and old.session_id == new.session_id and new.paired
        if old.paired and not same:
            raise IdentityReplaced(
                "refused to give a paired account another identity",
                hint="set its session file aside, then pair it anew",
            )


def _as_row(credentials: Credentials) -> tuple[Any, ...]:
    return (
        credentials.noise_key.private,
        credentials.noise_key.public,
        credentials.identity_key.private,
        credentials.identity_key.public,
        credentials.signed_pre_key.key_id,
        credentials.registration_id,
        credentials.adv_secret,
        credentials.session_id,
        credentials.lineage,
        credentials.created_at_ms,
        credentials.jid,
        credentials.lid,
        credentials.platform,
        credentials.push_name,
        credentials.signed_device_identity,
        credentials.account_signature_key,
        credentials.routing_info,
        credentials.server_time_offset_s,
    )
