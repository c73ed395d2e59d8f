"""websockets as a client: client.py URL [CASES] holds every conversation with the server there."""

import asyncio
import sys

import websockets
from websockets.asyncio.client import connect as connect_any

import compression
from words import MAX_SIZE, NUMBERED, close, farewell, hear_farewell, same, send_in_pieces, until_end

URL = sys.argv[1]
# The queries of /deflate.
CASES = open(sys.argv[2]).read().split() if len(sys.argv) > 2 else []

# Longer than any conversation takes on a busy machine, shorter than the driver's patience.
PATIENCE = 30

# Close frames to send and to receive: name, code, reason.
CLOSES = [
    ("1000", 1000, ""),
    ("1001", 1001, "going away"),
    ("3000", 3000, ""),
    ("4999", 4999, "bis später 👋"),
    ("empty", None, ""),
]

# What breaks the protocol: name, the code it deserves, bytes from a client and from a server.
VIOLATIONS = [
    ("opcode", 1002, "838000000000", "8300"),
    ("mask", 1002, "8100", "818000000000"),
    ("close", 1002, "88820000000003ed", "880203ed"),
    ("utf8", 1007, "818200000000c328", "8102c328"),
    ("size", 1009, "82ff000000000100000100000000", "827f0000000001000001"),
]


async def main():
    failed = 0
    for name, conversation in conversations():
        try:
            await asyncio.wait_for(conversation, PATIENCE)
            print(f"done {name}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED {name}: {error!r}", flush=True)
    return failed > 0


def conversations():
    yield "text", echoes("Hello", "", "Grüße, 世界 🌍", "\0", *("x" * n for n in (125, 126, 127, 65_535, 65_536)))
    yield "binary", echoes(*map(pattern, (0, 1, 125, 126, 127, 65_535, 65_536)))
    yield "large", echoes("€" * (MAX_SIZE // 16 // 3), pattern(MAX_SIZE // 16), pattern(MAX_SIZE))
    yield "pipelined", pipelined()
    yield "stream", stream()
    yield "fragments sent", fragments_sent()
    yield "fragments received", fragments_received()
    yield "ping sent", ping_sent()
    yield "ping received", ping_received()
    yield "subprotocol", subprotocol(["chat.v1", "chat.v2", "chat.v3"], "chat.v2")
    yield "subprotocol unknown", subprotocol(["chat.v1"], None)
    yield "subprotocol absent", subprotocol(None, None)
    yield "headers", headers()
    yield "refused", refused()
    yield "extensions", extensions()
    yield "farewell sent", farewell_sent()
    yield "farewell received", farewell_received()
    yield "loss sent", loss_sent()
    yield "loss received", loss_received()
    for name, code, reason in CLOSES:
        yield f"close sent {name}", close_sent(code, reason)
        yield f"close received {name}", close_received(code, reason)
    for name, code, ours, theirs in VIOLATIONS:
        yield f"violation sent {name}", violation_sent(code, ours)
        yield f"violation received {name}", violation_received(code, theirs)
    for query in CASES:
        yield f"deflate {query}", deflate(query)


def connect(path, **options):
    # The compression that is offered by default stays on offer: the server has to decline it.
    return connect_any(URL + path, max_size=MAX_SIZE, proxy=None, **options)


def pattern(length):
    # A prime, so that no power of two hides a shift.
    return (bytes(range(251)) * (length // 251 + 1))[:length]


async def echoes(*messages):
    ws = await connect("/echo")
    for message in messages:
        await ws.send(message)
        same("the echo", await ws.recv(), message)
    await goodbye(ws)


async def pipelined():
    ws = await connect("/echo")
    messages = [f"message {number}" for number in range(100)]
    for message in messages:
        await ws.send(message)
    same("the echoes", [await ws.recv() for _ in messages], messages)
    await goodbye(ws)


async def stream():
    ws = await connect("/stream")

    async def send():
        for message in NUMBERED:
            await ws.send(message)

    sending = asyncio.create_task(send())
    same("the stream", [await ws.recv() for _ in NUMBERED], NUMBERED)
    await sending
    await goodbye(ws)


async def fragments_sent():
    ws = await connect("/echo")
    for message in ("in pieces: 世界", pattern(70_000)):
        await send_in_pieces(ws, message)
        same("the echo", await ws.recv(), message)
    await goodbye(ws)


async def fragments_received():
    ws = await connect("/fragments")
    for message in ("in pieces: 世界", pattern(70_000)):
        await ws.send(message)
        received = [fragment async for fragment in ws.recv_streaming(decode=False)]
        text = isinstance(message, str)
        same("the message", b"".join(received), message.encode() if text else message)
        same("the number of its fragments", len(received), 3)
    await goodbye(ws)


async def ping_sent():
    ws = await connect("/echo")
    for payload in (b"", b"are you there?", b"\xff" * 125):
        # Resolved by the pong with this payload, and by no other.
        await (await ws.ping(payload))
    await goodbye(ws)


async def ping_received():
    for payload in (b"", b"are you there?", b"\xff" * 125):
        ws = await connect(f"/ping?payload={payload.hex()}")
        same("the answer", await ws.recv(), "the pong came")
        await goodbye(ws)


async def subprotocol(offered, chosen):
    ws = await connect("/subprotocol", subprotocols=offered)
    same("the subprotocol", ws.subprotocol, chosen)
    same("the server's view", await ws.recv(), chosen or "none")
    await goodbye(ws)


async def headers():
    ws = await connect("/whoami?q=a%20b%2Fc&r=", additional_headers={"X-Client": "interop; three, four"})
    same("X-Server", ws.response.headers["X-Server"], "interop; one, two")
    same("what the server saw", await ws.recv(), "interop; three, four q=a%20b%2Fc&r=")
    await goodbye(ws)


async def refused():
    try:
        await connect("/refuse")
        raise AssertionError("the server accepted")
    except websockets.InvalidStatus as error:
        response = error.response
    same("the status", response.status_code, 401)
    same("its header", response.headers["WWW-Authenticate"], 'Basic realm="interop"')
    same("its body", bytes(response.body), b"no entry\n")


async def extensions():
    ws = await connect("/echo")
    same("what the server made of the offer", ws.response.headers.get("Sec-WebSocket-Extensions"), None)
    await goodbye(ws)


async def farewell_sent():
    await farewell(await connect("/heard"))


async def farewell_received():
    await hear_farewell(await connect("/farewell"))


async def loss_sent():
    (await connect("/lost")).transport.abort()


async def loss_received():
    ws = await connect("/leave")
    await until_end(ws)
    same("the close code", ws.close_code, 1006)


async def close_sent(code, reason):
    ws = await connect(with_close("/closed", code, reason))
    await close(ws, code, reason)
    await ws.wait_closed()
    same("the server's close code", ws.close_code, code or 1005)


async def close_received(code, reason):
    ws = await connect(with_close("/close", code, reason))
    await until_end(ws)
    same("the server's close code", ws.close_code, code or 1005)
    same("the server's close reason", ws.close_reason, reason)


def with_close(path, code, reason):
    return path if code is None else f"{path}?code={code}&reason={reason.encode().hex()}"


async def violation_sent(code, data):
    ws = await connect(f"/broken?code={code}")
    ws.transport.write(bytes.fromhex(data))
    await until_end(ws)
    same("the server's close code", ws.close_code, code)


async def violation_received(code, data):
    ws = await connect(f"/breaks?code={code}&bytes={data}")
    await until_end(ws)
    same("our close code", ws.protocol.close_sent.code, code)


async def deflate(query):
    ws = await connect(f"/deflate?{query}", compression=None, extensions=compression.offers(query))
    await compression.converse(ws, query, "client")


async def goodbye(ws):
    await ws.close()
    same("the server's close code", ws.close_code, 1000)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
