"""What both ends of a conversation say in the same words."""

from urllib.parse import parse_qsl

from aiohttp import WSMsgType

from script import Flow, spell

MAX_SIZE = 16 * 1024 * 1024

# The messages of /stream, from each end: together more than the sockets' buffers hold.
NUMBERED = [f"{number} {'x' * 16_000}" for number in range(100)]


def same(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r:.160}, expected {wanted!r:.160}")


async def send(ws, message):
    await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))


async def hear(ws, what, message):
    came = await ws.receive()
    same(f"the type of {what}", came.type, WSMsgType.TEXT if isinstance(message, str) else WSMsgType.BINARY)
    same(what, came.data, message)


async def until_end(ws, code):
    came = await ws.receive()
    same("the type of the end", came.type, WSMsgType.CLOSE)
    same("the peer's close code", came.data, code)
    # Left alone (`autoclose`), aiohttp answers every code with 1000.
    await ws.close(code=code)
    return came


async def farewell(ws):
    """Sends more than the sockets' buffers hold and closes at once: nothing may be cut off."""
    for message in NUMBERED:
        await send(ws, message)
    await ws.close(code=1001)


async def hear_farewell(ws):
    """The other end of `farewell`."""
    for message in NUMBERED:
        await hear(ws, "the message", message)
    await until_end(ws, 1001)


async def converse(ws, query, answer, role):
    """First the client sends everything, then the server. What comes over the wire is for the other end to measure."""
    case = dict(parse_qsl(query))
    same("the answer", spell(answer), case["a"])
    up, down = (Flow(case[name]).script(int(case["n"])) for name in ("up", "down"))
    ours, theirs = (up, down) if role == "client" else (down, up)
    if role == "client":
        await send_all(ws, ours)
    for name, message in theirs:
        await hear(ws, name, message)
    if role == "client":
        await ws.close()
    else:
        await send_all(ws, ours)
        await until_end(ws, 1000)


async def send_all(ws, script):
    for _, message in script:
        await send(ws, message)
