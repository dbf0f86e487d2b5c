"""A lease document that makes no sense: nobody acts, `/ready` says why, and they keep looking."""

import json
import sqlite3
from typing import Any

import pytest

from tests.supervisor.standby.site import Site, open_site, until


def spoil(site: Site, **changes: Any) -> None:
    """Write into the lease document as somebody would who should not."""
    with sqlite3.connect(site.database.with_suffix(".lease.db"), timeout=5) as connection:
        (text,) = connection.execute("SELECT fields FROM lease").fetchone()
        fields = {**json.loads(text), **changes}
        connection.execute(
            "UPDATE lease SET version = version + 1, fields = ?", (json.dumps(fields),)
        )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"epoch": "many"}, "garbled: epoch"),
        ({"epoch": 0, "holder": None, "holderInstanceId": ""}, "epoch went down"),
    ],
)
async def test_a_holder_whose_document_is_spoilt_gives_up_and_says_why(
    changes: dict[str, Any], why: str
) -> None:
    async with open_site() as site:
        instance = await site.started("a", mode="active")
        await site.pair(instance, 1)
        spoil(site, **changes)
        ready = await instance.until_ready(lambda shown: why in (shown.get("reason") or ""))
        await until(lambda: instance.workers() == [])
        leader, _, _ = await instance.ask("GET", "/leader")

        assert (ready["mode"], ready["ready"], leader) == ("passive", True, 503)

        spoil(site, epoch=7, holder=None, holderInstanceId="")
        await site.until_connected(instance)
        site.check_exclusive()
