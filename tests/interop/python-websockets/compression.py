"""Compression: what the query of /deflate says, as `websockets` understands it, and what comes over the wire."""

from urllib.parse import parse_qsl

from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import CTRL_OPCODES, Opcode

from script import Flow, check, spell
from words import same, send_in_pieces

NAMES = {"sn": "server_no_context_takeover", "cn": "client_no_context_takeover"}
BITS = {"s": "server_max_window_bits", "c": "client_max_window_bits"}


def fields(query):
    return dict(parse_qsl(query))


def offers(query):
    """The extensions of a client; an empty list would make an empty header of it."""
    offered = fields(query)["o"]
    return None if offered == "none" else [ClientPerMessageDeflateFactory(**keywords(each)) for each in offered.split("~")]


def settings(query):
    """The extensions of a server."""
    said = fields(query)["s"]
    return [] if said == "off" else [ServerPerMessageDeflateFactory(**keywords(said))]


def keywords(spelled):
    # Both may compress with less memory than there is window; the client's default is an offer with a bare `c`.
    words = {BITS["s"]: None, BITS["c"]: None, "compress_settings": {"memLevel": 5}}
    for each in spelled.split("."):
        if each in NAMES:
            words[NAMES[each]] = True
        elif each != "-":
            words[BITS[each[0]]] = int(each[1:]) if each[1:] else True
    return words


async def converse(ws, query, role):
    """First the client sends everything, then the server; each end knows what has to come."""
    case = fields(query)
    same("the answer", spell(ws.response.headers.get("Sec-WebSocket-Extensions", "")), case["a"])
    up, down, count = Flow(case["up"]), Flow(case["down"]), int(case["n"])
    wire = gauge(ws)
    if wire is not None:
        [agreed] = ws.protocol.extensions
        ours, theirs = (up, down) if role == "client" else (down, up)
        same("our compression", (not agreed.local_no_context_takeover, agreed.local_max_window_bits), (ours.keeps, ours.bits))
        if role == "client":
            same("theirs", (not agreed.remote_no_context_takeover, agreed.remote_max_window_bits), (theirs.keeps, theirs.bits))
    if role == "client":
        await send(ws, up.script(count))
        await receive(ws, down, count, wire)
        await ws.close()
        same("the server's close code", ws.close_code, 1000)
    else:
        await receive(ws, up, count, wire)
        await send(ws, down.script(count))
        await ws.wait_closed()
        same("the client's close code", ws.close_code, 1000)


async def send(ws, script):
    for name, message in script:
        if name == "plain":
            # `websockets` compresses everything: for this one it is led to believe that nothing was agreed on.
            ws.protocol.extensions, agreed = [], ws.protocol.extensions
            await ws.send(message)
            ws.protocol.extensions = agreed
        elif name == "fragments":
            await send_in_pieces(ws, message)
        else:
            await ws.send(message)


async def receive(ws, flow, count, wire):
    first = None
    for name, message in flow.script(count):
        same("the message", await ws.recv(), message)
        if wire is not None:
            compressed, size = wire.pop(0)
            first = size if name == "small" else first
            check(name, flow, message, compressed, size, first)


def gauge(ws):
    """A list that grows by whether each message came compressed, and its size on the wire; none without compression."""
    if not ws.protocol.extensions:
        return None
    [agreed] = ws.protocol.extensions
    messages, decode = [], agreed.decode

    def decode_and_note(frame, **limits):
        if frame.opcode is Opcode.CONT:
            messages[-1][1] += len(frame.data)
        elif frame.opcode not in CTRL_OPCODES:
            messages.append([frame.rsv1, len(frame.data)])
        return decode(frame, **limits)

    agreed.decode = decode_and_note
    return messages
