"""Who has which devices, LIDs, keys and members: from the session file, else from the server."""

from collections.abc import Callable, Iterable

from shared.clock import Clock
from shared.errors import WhatsAppError
from shared.logs import get_logger
from worker.session import SessionFile
from worker.session.peers import Group
from worker.signal import PreKeyBundle
from worker.wire import Jid, NodeError
from worker.wire.curve import Rng

from . import devices, groups, identity, pairs, prekeys
from .queries import Queries

log = get_logger(__name__)

# Asked for in one query; more are asked for in turn (Baileys asks for whole groups at once).
BUNDLES_AT_ONCE = 100
USERS_AT_ONCE = 200


class NotOnWhatsApp(WhatsAppError):
    """Nobody has this number, or nobody is to be reached there."""


class Directory:
    """Look-ups for one connection."""

    def __init__(
        self,
        file: SessionFile,
        queries: Queries,
        clock: Clock,
        rng: Rng,
        spooled: Callable[[], None],
    ) -> None:
        """Make the look-ups of one connection.

        Args:
            file: what is known already, and what is learned.
            queries: to ask the server.
            clock: for the age of what is known.
            rng: for names of queries.
            spooled: is told when something was learned that the store must hear of.
        """
        self._spooled = spooled
        self._file = file
        self._queries = queries
        self._clock = clock
        self._rng = rng

    async def devices_of(self, users: Iterable[Jid]) -> list[Jid]:
        """Return every device of these people, phones and our own included.

        Raises:
            ConnectionLost, QueryRefused: the server could not be asked.
        """
        wanted = list(dict.fromkeys(user.bare for user in users))
        await self._fetch([user for user in wanted if not self._fresh(user)])
        found: list[Jid] = []
        with self._file.unit() as unit:
            for user in wanted:
                stored = unit.devices.get(str(user))
                if stored is not None:
                    found.extend(devices.addresses(user, stored.devices))
        return found

    async def lid_of(self, user: Jid) -> Jid:
        """Return a person's LID.

        Raises:
            NotOnWhatsApp: the server knows none: nobody has this number.
            ConnectionLost, QueryRefused: the server could not be asked.
        """
        if user.is_lid:
            return user.bare
        known = self._known_lid(user)
        if known is None:
            await self._fetch([user.bare])
            known = self._known_lid(user)
        if known is None:
            raise NotOnWhatsApp(
                f"find the number that ends in …{user.user[-2:]}: it is not on WhatsApp",
                hint="check the number and its country code",
            )
        return known

    async def group(self, jid: Jid) -> Group:
        """Return a group with its members.

        Raises:
            QueryRefused: the server does not let us see it; we are no member.
            NodeError: the answer describes no group.
            ConnectionLost: the server could not be asked.
        """
        with self._file.unit() as unit:
            stored = unit.groups.get(str(jid))
        return stored if stored is not None else await self.refresh_group(jid)

    async def refresh_group(self, jid: Jid) -> Group:
        """Ask for a group's metadata anew; raises like `group`."""
        group = groups.answer(await self._queries.ask(groups.query(jid)))
        with self._file.unit() as unit:
            unit.after_commit(self._spooled)
            pairs.learn(unit, groups.pairs(group))
            unit.groups.put(group)
        return group

    async def bundles(self, wanted: list[Jid]) -> dict[Jid, PreKeyBundle]:
        """Return the key bundles of devices; those that have none are logged and left out.

        Raises:
            ConnectionLost, QueryRefused: the server could not be asked.
        """
        found: dict[Jid, PreKeyBundle] = {}
        for start in range(0, len(wanted), BUNDLES_AT_ONCE):
            part = wanted[start : start + BUNDLES_AT_ONCE]
            answer = await self._queries.ask(prekeys.bundles_query(part))
            for jid, bundle in prekeys.bundles_in(answer).items():
                if isinstance(bundle, NodeError):
                    log.warning("bundle_missing", device=jid.device, error=bundle)
                else:
                    found[jid] = bundle
        return found

    def _fresh(self, user: Jid) -> bool:
        with self._file.unit() as unit:
            stored = unit.devices.get(str(user))
        oldest_ms = (self._clock.wall_s() - devices.MAX_AGE_S) * 1000
        return stored is not None and stored.fetched_at_ms >= oldest_ms

    def _known_lid(self, user: Jid) -> Jid | None:
        with self._file.unit() as unit:
            return identity.lid_jid(unit, user)

    async def _fetch(self, users: list[Jid]) -> None:
        for start in range(0, len(users), USERS_AT_ONCE):
            part = users[start : start + USERS_AT_ONCE]
            query = devices.query(part, self._rng(8).hex())
            answer = devices.answer(await self._queries.ask(query))
            self._keep(answer)

    def _keep(self, answer: list[devices.UserDevices]) -> None:
        with self._file.unit() as unit:
            unit.after_commit(self._spooled)
            for each in answer:
                if each.devices:
                    unit.devices.put(str(each.user), each.devices)
                if each.lid is not None and each.user.is_pn:
                    pairs.learn(unit, [(each.lid, each.user)])
