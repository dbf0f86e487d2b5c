"""The simulator by HTTP, for clients in any language; all bodies are JSON objects.

GET  /                        where clients connect, and the root key they have to trust
GET  /phones                  all phones and their linked devices
POST /phones                  {number, name}
POST /scan                    {phone, qr}
POST /send                    {from, to, text}: to a phone number, a JID or a group
POST /echo                    {phone, prefix}: answer every text from now on
POST /unlink                  {phone, device}: device may be left out: the last one
POST /groups                  {from, subject, members, addressing}
POST /groups/{id}/members     {by, action: add|remove, members}
POST /fault                   {kind, value, phone, device, times, attrs}; DELETE clears all
POST /hold, /release          {phone}: keep frames to its devices back
POST /disconnect              {phone, device, code, conflict}
GET  /phones/{number}/messages
GET  /phones/{number}/receipts
GET  /record                  ?since=n: stanzas from number n on; connections, violations
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.simulator.directory import Device
from tests.simulator.errors import RefusedError, ScanRefusedError
from tests.simulator.phone import Phone
from tests.simulator.phone_inbox import Received
from tests.simulator.record import ConnectionLog, Stanza
from tests.simulator.server import Simulator
from worker.wire.jid import LID, PN, MalformedJid
from worker.wire.node import Node

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = dict[str, Any]


class Control:
    """The routes of one simulator; `attach` puts them beside its WebSocket."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def attach(self) -> None:
        """Add the routes to the simulator's application, before it starts."""
        app, get, post = self._sim.app, web.get, web.post
        app.middlewares.append(_errors_as_json)
        app.add_routes(
            [
                get("/", self._about),
                get("/phones", self._phones),
                post("/phones", self._register),
                post("/scan", self._scan),
                post("/send", self._send),
                post("/echo", self._echo),
                post("/unlink", self._unlink),
                post("/groups", self._create_group),
                post("/groups/{id}/members", self._change_group),
                post("/fault", self._fault),
                web.delete("/fault", self._clear),
                post("/hold", self._hold),
                post("/release", self._release),
                post("/disconnect", self._disconnect),
                get("/phones/{number}/messages", self._messages),
                get("/phones/{number}/receipts", self._receipts),
                get("/record", self._record),
            ]
        )

    async def _about(self, _request: web.Request) -> web.Response:
        sim = self._sim
        return web.json_response({"url": sim.url, "root": sim.root_public_hex})

    async def _phones(self, _request: web.Request) -> web.Response:
        return web.json_response([self._phone_json(phone) for phone in self._sim.phones.values()])

    def _phone_json(self, phone: Phone) -> Body:
        devices = [
            {"device": d.number, "platform": d.platform, "online": self._sim.online(d)}
            for d in phone.companions
        ]
        name = phone.account.name
        return {"number": phone.number, "name": name, "lid": str(phone.lid), "devices": devices}

    async def _register(self, request: web.Request) -> web.Response:
        body = await _body(request)
        phone = await self._sim.phone(_text(body, "number"), str(body.get("name", "")))
        return web.json_response(self._phone_json(phone))

    async def _scan(self, request: web.Request) -> web.Response:
        body = await _body(request)
        phone = await self._sim.phone(_text(body, "phone"))
        device = await phone.scan(_text(body, "qr"))
        return web.json_response({"jid": str(device.jid(PN)), "lid": str(device.jid(LID))})

    async def _send(self, request: web.Request) -> web.Response:
        body = await _body(request)
        phone = await self._sim.phone(_text(body, "from"))
        return web.json_response({"id": phone.send(_text(body, "to"), _text(body, "text"))})

    async def _echo(self, request: web.Request) -> web.Response:
        body = await _body(request)
        phone = await self._sim.phone(_text(body, "phone"))
        phone.echo(str(body.get("prefix", "echo: ")))
        return _done()

    async def _unlink(self, request: web.Request) -> web.Response:
        phone, device = await self._named_device(await _body(request))
        phone.unlink(device)
        return _done()

    async def _named_device(self, body: Body) -> tuple[Phone, Device]:
        phone = await self._sim.phone(_text(body, "phone"))
        number = body.get("device", max(phone.account.devices))
        device = phone.account.devices.get(number)
        if device is None or device not in phone.companions:
            raise ValueError(f"{phone.number} has no linked device {number}")
        return phone, device

    async def _create_group(self, request: web.Request) -> web.Response:
        body = await _body(request)
        phone = await self._sim.phone(_text(body, "from"))
        others = [await self._sim.phone(number) for number in body.get("members", [])]
        server = PN if body.get("addressing") == "pn" else LID
        group = phone.create_group(_text(body, "subject"), others, addressing=server)
        return web.json_response({"id": str(group.jid)})

    async def _change_group(self, request: web.Request) -> web.Response:
        body = await _body(request)
        group = self._sim.group(request.match_info["id"])
        phone = await self._sim.phone(_text(body, "by"))
        others = [await self._sim.phone(number) for number in body.get("members", [])]
        if _text(body, "action") == "add":
            phone.add_to_group(group, others)
        else:
            phone.remove_from_group(group, others)
        return _done()

    async def _fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        known = {"value", "phone", "device", "times", "attrs"} & body.keys()
        self._sim.faults.plan(_text(body, "kind"), **{name: body[name] for name in known})
        return _done()

    async def _clear(self, _request: web.Request) -> web.Response:
        self._sim.faults.clear()
        return _done()

    async def _hold(self, request: web.Request) -> web.Response:
        self._sim.faults.hold(_text(await _body(request), "phone"))
        return _done()

    async def _release(self, request: web.Request) -> web.Response:
        self._sim.faults.release(_text(await _body(request), "phone"))
        return _done()

    async def _disconnect(self, request: web.Request) -> web.Response:
        body = await _body(request)
        _, device = await self._named_device(body)
        code, conflict = str(body.get("code", "")), str(body.get("conflict", ""))
        self._sim.disconnect(device, code, conflict)
        return _done()

    async def _messages(self, request: web.Request) -> web.Response:
        phone = await self._sim.phone(request.match_info["number"])
        return web.json_response([_received_json(received) for received in phone.received])

    async def _receipts(self, request: web.Request) -> web.Response:
        phone = await self._sim.phone(request.match_info["number"])
        return web.json_response([node.attrs for node in phone.receipts])

    async def _record(self, request: web.Request) -> web.Response:
        record, since = self._sim.record, int(request.query.get("since", "0"))
        return web.json_response(
            {
                "stanzas": [_stanza_json(entry) for entry in record.stanzas[since:]],
                "connections": [_connection_json(log) for log in record.connections],
                "violations": [
                    {"rule": entry.rule.name, "device": entry.device, "detail": entry.detail}
                    for entry in record.violations
                ],
                "retry_receipts": len(record.retry_receipts()),
            }
        )


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValueError, KeyError, TypeError, MalformedJid) as error:
        return web.json_response({"error": str(error)}, status=400)
    except (RefusedError, ScanRefusedError) as error:
        return web.json_response({"error": str(error)}, status=409)


async def _body(request: web.Request) -> Body:
    body = json.loads(await request.text() or "{}")
    if not isinstance(body, dict):
        raise TypeError("the body has to be a JSON object")
    return body


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name!r} has to be a text")
    return value


def _done() -> web.Response:
    return web.json_response({"ok": True})


def _received_json(received: Received) -> Body:
    names = (field.name for field in dataclasses.fields(received) if field.name != "message")
    return {name: getattr(received, name) for name in names}


def _stanza_json(entry: Stanza) -> Body:
    return {
        "at_s": entry.at_s,
        "direction": entry.direction.value,
        "connection": entry.connection,
        "device": entry.device,
        "node": _node_json(entry.node),
    }


def _node_json(node: Node) -> Body:
    content: Any = node.content
    if isinstance(content, list):
        content = [_node_json(child) for child in content]
    elif isinstance(content, bytes):
        content = {"hex": content.hex()}
    return {"tag": node.tag, "attrs": node.attrs, "content": content}


def _connection_json(log: ConnectionLog) -> Body:
    fields = dataclasses.asdict(log)
    return {**fields, "routing_info": log.routing_info.hex()}
