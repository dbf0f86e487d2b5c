"""How one account stands right now: what its worker says, shown in three places at once.

The live view (for the API), the events (for whoever listens), and the record in the store, which
follows as fast as the store lets it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import Clock
from shared.logs import get_logger
from supervisor.api.doors import AccountView
from supervisor.events import AccountState, EventBus, QrChanged
from supervisor.registrar import Registrar
from supervisor.store.records import AccountChanges

log = get_logger(__name__)

SHOWN: Final[Mapping[int, AccountStatus]] = {
    pb.CONNECTING: AccountStatus.CONNECTING,
    pb.AWAITING_SCAN: AccountStatus.AWAITING_SCAN,
    pb.PAIRING: AccountStatus.PAIRING,
    pb.CONNECTED: AccountStatus.CONNECTED,
    pb.RECONNECTING: AccountStatus.RECONNECTING,
}
SHOWING_CODES: Final = frozenset({AccountStatus.AWAITING_SCAN, AccountStatus.QR_READY})


class Standing:
    """One account's; `view` is always the latest."""

    def __init__(
        self, account_id: str, registrar: Registrar, events: EventBus, clock: Clock
    ) -> None:
        self.account_id: Final = account_id
        self._registrar = registrar
        self._events = events
        self._clock = clock
        self.view = AccountView(account_id, AccountStatus.CONNECTING, self._now_ms())
        self.last_word = pb.State()
        self._connected_at_ns: int | None = None
        self._connected_s = 0.0

    def worker_started(self) -> None:
        """Begin anew with what a worker says."""
        self.last_word = pb.State()
        self._connected_at_ns, self._connected_s = None, 0.0
        self.show(AccountStatus.CONNECTING)

    def worker_ended(self) -> float:
        """Take the QR back, and return how many seconds its last connection was open."""
        self._take_qr_back()
        self._note_disconnect()
        return self._connected_s

    def heard_state(self, state: pb.State) -> None:
        """Take what the worker says of its connection."""
        self.last_word = state
        if state.state != pb.CONNECTED:
            self._note_disconnect()
        elif self._connected_at_ns is None:
            self._connected_at_ns = self._clock.boot_ns()
        status = SHOWN.get(state.state)
        if status is None:
            return  # STOPPED: its exit follows, and decides
        if status is not AccountStatus.AWAITING_SCAN:
            self._take_qr_back()
        elif self.view.qr_payload is not None:
            status = AccountStatus.QR_READY
        delay_s = state.retry_in_ms / 1000 if state.retry_in_ms else None
        self.show(status, reason=state.reason or None, code=state.code or None, delay_s=delay_s)

    def heard_qr(self, qr: pb.Qr) -> None:
        """Show a QR, or take the last one back."""
        if not qr.payload:
            self._take_qr_back()
            if self.view.status is AccountStatus.QR_READY:
                self.show(AccountStatus.AWAITING_SCAN, reason=self.view.reason)
            return
        expires_at_ms = qr.expires_at_ms or None
        self.view = replace(
            self.view,
            qr_payload=qr.payload,
            qr_expires_at_ms=expires_at_ms,
            qr_shown_at_ms=self._now_ms(),
        )
        # Why the last scan was refused is still to be read beside the next code.
        reason = self.view.reason if self.view.status in SHOWING_CODES else None
        self.show(AccountStatus.QR_READY, reason=reason)
        self._events.publish(QrChanged(self.account_id, expires_at_ms))

    def heard_paired(self, paired: pb.Paired) -> None:
        """Keep which device and number the account now is."""
        phone = paired.phone.removeprefix("+")
        self._registrar.change(
            AccountChanges(
                phone=f"+{phone}" if phone else None,
                jid=paired.jid or None,
                lid=paired.lid or None,
                session_id=paired.session_id or None,
                push_name=paired.push_name or None,
            )
        )
        log.info("account_paired", account_id=self.account_id, platform=paired.platform)

    def show(
        self,
        status: AccountStatus,
        *,
        reason: str | None = None,
        code: int | None = None,
        delay_s: float | None = None,
    ) -> None:
        """Make it the account's status; `delay_s` says when the next try starts."""
        now_ms = self._now_ms()
        retry_at_ms = None if delay_s is None else now_ms + int(delay_s * 1000)
        self._log_change(status, reason, code)
        self.view = replace(
            self.view,
            status=status,
            since_ms=self.view.since_ms if status is self.view.status else now_ms,
            reason=reason,
            code=code,
            retry_at_ms=retry_at_ms,
        )
        self._registrar.status(status, reason=reason, code=code)
        self._events.publish(
            AccountState(self.account_id, status, self.view.since_ms, reason, code, retry_at_ms)
        )

    def _log_change(self, status: AccountStatus, reason: str | None, code: int | None) -> None:
        was = self.view.status
        if status is not was:
            log.info(
                "account_status",
                account_id=self.account_id,
                was=was,
                now=status,
                why=reason,
                code=code,
            )

    def _take_qr_back(self) -> None:
        if self.view.qr_payload is not None:
            self.view = replace(
                self.view, qr_payload=None, qr_expires_at_ms=None, qr_shown_at_ms=None
            )
            self._events.publish(QrChanged(self.account_id, None))

    def _note_disconnect(self) -> None:
        if self._connected_at_ns is not None:
            self._connected_s = (self._clock.boot_ns() - self._connected_at_ns) / 1e9
            self._connected_at_ns = None

    def _now_ms(self) -> int:
        return int(self._clock.wall_s() * 1000)
