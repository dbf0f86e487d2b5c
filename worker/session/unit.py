"""The unit of work: what happens together, or not at all."""

from collections.abc import Callable, Iterable

from shared.clock import Clock
from worker.session.account_store import CredentialsRepository
from worker.session.carried import Carried
from worker.session.credentials import Credentials
from worker.session.journal import Journal
from worker.session.peers import Devices, Groups, Lids, PrivacyTokens
from worker.session.pre_keys import PreKeys, SignedPreKeys
from worker.session.ratchets import Identities, SenderKeyMemory, SenderKeys, Sessions
from worker.session.retries import Retries, Sent
from worker.session.spool import Handled, Spool
from worker.session.transaction import Transaction

# A backup does not know which pre-keys were uploaded after it: new ones keep clear of those.
PRE_KEY_ID_GAP = 4096


class UnitOfWork:
    """One transaction on the session file, and a repository for every subject.

    Got from `SessionFile.unit`; usable until its `with` block ends.
    """

    def __init__(self, transaction: Transaction, clock: Clock) -> None:
        self.credentials = CredentialsRepository(transaction, clock)
        self.signed_pre_keys = SignedPreKeys(transaction, clock)
        self.pre_keys = PreKeys(transaction, clock)
        self.sessions = Sessions(transaction, clock)
        self.identities = Identities(transaction, clock)
        self.sender_keys = SenderKeys(transaction, clock)
        self.sender_key_memory = SenderKeyMemory(transaction, clock)
        self.lids = Lids(transaction, clock)
        self.devices = Devices(transaction, clock)
        self.groups = Groups(transaction, clock)
        self.privacy_tokens = PrivacyTokens(transaction, clock)
        self.sent = Sent(transaction, clock, self.lids)
        self.retries = Retries(transaction, clock)
        self.handled = Handled(transaction, clock, self.lids)
        self.spool = Spool(transaction, clock, self.lids, self.handled)
        self.journal = Journal(transaction, clock)
        self.carried = Carried(transaction, clock)
        self._committed: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have this called once the unit is durable, in order; never if it is rolled back."""
        self._committed.append(call)

    def run_after_commit(self) -> None:
        """Make the calls that waited for the commit; one that fails does not stop the others.

        Raises:
            ExceptionGroup: what the calls raised. The unit is durable all the same.
        """
        errors: list[Exception] = []
        for call in self._committed:
            try:
                call()
            except Exception as exc:  # noqa: BLE001 - collected, and raised together below
                errors.append(exc)
        if errors:
            raise ExceptionGroup("calls after a commit failed; the commit stands", errors)

    def start_lineage(self, lineage: str, own_names: Iterable[str]) -> Credentials:
        """Make this file, restored from a backup, a branch of its own.

        No sending ratchet may be used from where the backup had it: sessions are marked stale,
        and our own sender keys go, so that the next message to a group brings a new one.

        Args:
            lineage: the branch's new name.
            own_names: the names in our own Signal addresses, phone number and LID.
        """
        self.sessions.mark_all_stale()
        self.sender_keys.delete_of(own_names)
        self.sender_key_memory.clear_all()
        self.pre_keys.continue_from(self.pre_keys.next_id() + PRE_KEY_ID_GAP)
        return self.credentials.update(lineage=lineage)

    def prune(self) -> int:
        """Forget what has outlived its use, by every repository's own policy; return how much."""
        parts = (self.handled, self.sent, self.retries, self.journal)
        return sum(part.prune() for part in parts)
