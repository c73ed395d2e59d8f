"""What both ends of a conversation say in the same words."""

import websockets

# As our own limit: one frame of 16 MiB passes, a larger one does not.
MAX_SIZE = 16 * 1024 * 1024

BETWEEN = b"between fragments"

# The messages of /stream, from each end: together more than the sockets' buffers hold.
NUMBERED = [f"{number} {'x' * 16_000}" for number in range(100)]


def same(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r:.160}, expected {wanted!r:.160}")


async def send_in_pieces(ws, message):
    """Sends a message in three fragments, the second empty, with a ping after the first, and waits for its pong.

    A text is cut inside a character if it has one of several bytes there.
    """
    data = message.encode() if isinstance(message, str) else message
    cut = next((at for at, byte in enumerate(data) if byte & 0xC0 == 0x80 and isinstance(message, str)), len(data) // 2)
    pongs = []

    async def pieces():
        yield data[:cut]
        pongs.append(await ws.ping(BETWEEN))
        yield b""
        yield data[cut:]

    await ws.send(pieces(), text=isinstance(message, str))
    await pongs[0]


async def farewell(ws):
    """Sends more than the sockets' buffers hold and closes at once: nothing may be cut off."""
    for message in NUMBERED:
        await ws.send(message)
    await ws.close(1001)
    same("the peer's close code", ws.close_code, 1001)


async def hear_farewell(ws):
    """The other end of `farewell`."""
    for message in NUMBERED:
        same("the message", await ws.recv(), message)
    await until_end(ws)
    same("the peer's close code", ws.close_code, 1001)


async def until_end(ws):
    """Waits for the end, and wants no message before it."""
    try:
        raise AssertionError(f"instead of the end came {await ws.recv()!r:.160}")
    except websockets.ConnectionClosed:
        await ws.wait_closed()


async def close(ws, code, reason):
    """As `ws.close`, which cannot send a Close frame without a code."""
    if code is not None:
        await ws.close(code, reason)
        return
    async with ws.send_context():
        ws.protocol.send_close()
