"""aiohttp as a client: client.py URL [CASES] holds the conversations that its interface has means for."""

import asyncio
import sys
from urllib.parse import parse_qsl

import aiohttp

from words import MAX_SIZE, NUMBERED, converse, farewell, hear, hear_farewell, same, send, until_end

URL = sys.argv[1]
CASES = open(sys.argv[2]).read().split() if len(sys.argv) > 2 else []
PATIENCE = 30

CLOSES = [("1000", 1000, ""), ("1001", 1001, "going away"), ("3000", 3000, ""), ("4999", 4999, "bis später 👋")]


async def main():
    failed = 0
    async with aiohttp.ClientSession() as session:
        for name, conversation in conversations(session):
            try:
                await asyncio.wait_for(conversation, PATIENCE)
                print(f"done {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {error!r}", flush=True)
    return failed > 0


def conversations(session):
    def connect(path, **options):
        return session.ws_connect(URL + path, max_msg_size=MAX_SIZE + 1, autoclose=False, **options)

    yield "text", echoes(connect, "/echo", "Hello", "", "Grüße, 世界 🌍", "\0", *("x" * n for n in (125, 126, 127, 65_535, 65_536)))
    yield "binary", echoes(connect, "/echo", *map(pattern, (0, 1, 125, 126, 127, 65_535, 65_536)))
    yield "large", echoes(connect, "/echo", "€" * (MAX_SIZE // 16 // 3), pattern(MAX_SIZE // 16), pattern(MAX_SIZE))
    yield "pipelined", exchange(connect, "/echo", [f"message {number}" for number in range(100)])
    yield "stream", exchange(connect, "/stream", NUMBERED)
    yield "fragments received", echoes(connect, "/fragments", "in pieces: 世界", pattern(70_000))
    yield "ping received", ping_received(connect)
    yield "subprotocol", subprotocol(connect, ["chat.v1", "chat.v2", "chat.v3"], "chat.v2")
    yield "subprotocol unknown", subprotocol(connect, ["chat.v1"], None)
    yield "subprotocol absent", subprotocol(connect, [], None)
    yield "headers", headers(connect)
    yield "refused", refused(connect)
    yield "extensions", extensions(connect)
    yield "farewell sent", farewell_sent(connect)
    yield "farewell received", farewell_received(connect)
    for name, code, reason in CLOSES:
        target = f"?code={code}&reason={reason.encode().hex()}"
        yield f"close sent {name}", close_sent(connect, "/closed" + target, code, reason)
        yield f"close received {name}", close_received(connect, "/close" + target, code, reason)
    for query in CASES:
        yield f"deflate {query}", deflate(connect, query)


def pattern(length):
    # A prime, so that no power of two hides a shift.
    return (bytes(range(251)) * (length // 251 + 1))[:length]


async def echoes(connect, path, *messages):
    ws = await connect(path)
    for message in messages:
        await send(ws, message)
        await hear(ws, "the echo", message)
    await goodbye(ws)


async def exchange(connect, path, messages):
    ws = await connect(path)
    sending = asyncio.create_task(send_all(ws, messages))
    for message in messages:
        await hear(ws, "the message", message)
    await sending
    await goodbye(ws)


async def send_all(ws, messages):
    for message in messages:
        await send(ws, message)


async def ping_received(connect):
    for payload in (b"", b"are you there?", b"\xff" * 125):
        ws = await connect(f"/ping?payload={payload.hex()}")
        await hear(ws, "the answer", "the pong came")
        await goodbye(ws)


async def subprotocol(connect, offered, chosen):
    ws = await connect("/subprotocol", protocols=offered)
    same("the subprotocol", ws.protocol, chosen)
    await hear(ws, "the server's view", chosen or "none")
    await goodbye(ws)


async def headers(connect):
    ws = await connect("/whoami?q=a&r=", headers={"X-Client": "interop; three, four"})
    same("X-Server", ws._response.headers["X-Server"], "interop; one, two")
    await hear(ws, "what the server saw", "interop; three, four q=a&r=")
    await goodbye(ws)


async def refused(connect):
    try:
        await connect("/refuse")
    except aiohttp.WSServerHandshakeError as error:
        same("the status", error.status, 401)
        same("its header", error.headers["WWW-Authenticate"], 'Basic realm="interop"')
        return
    raise AssertionError("the server accepted")


async def extensions(connect):
    # Here the offer is not made by default.
    ws = await connect("/echo", compress=15)
    same("what the server made of the offer", ws.compress, 0)
    await goodbye(ws)


async def farewell_sent(connect):
    ws = await connect("/heard")
    await farewell(ws)
    same("the server's close code", ws.close_code, 1001)


async def farewell_received(connect):
    await hear_farewell(await connect("/farewell"))


async def close_sent(connect, path, code, reason):
    ws = await connect(path)
    await ws.close(code=code, message=reason.encode())
    same("the server's close code", ws.close_code, code)


async def close_received(connect, path, code, reason):
    came = await until_end(await connect(path), code)
    same("the server's close reason", came.extra or "", reason)


async def deflate(connect, query):
    offered = dict(parse_qsl(query))["o"]
    bits = next((int(each[1:]) for each in offered.split(".") if each.startswith("s")), 15)
    ws = await connect(f"/deflate?{query}", compress=0 if offered == "none" else bits)
    await converse(ws, query, ws._response.headers.get("Sec-WebSocket-Extensions"), "client")
    same("the server's close code", ws.close_code, 1000)


async def goodbye(ws):
    await ws.close()
    same("the server's close code", ws.close_code, 1000)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
