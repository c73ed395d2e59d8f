"""websockets as a server; ../README.md tells what it does for each path."""

import asyncio
import http
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve

import compression
from words import MAX_SIZE, NUMBERED, close, farewell, hear_farewell, same, send_in_pieces, until_end


async def main():
    async with serve(
        converse,
        "127.0.0.1",
        0,
        process_request=process_request,
        process_response=process_response,
        select_subprotocol=select_subprotocol,
        max_size=MAX_SIZE,
    ) as server:
        print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
        await server.serve_forever()


def process_request(connection, request):
    print(f"begun {request.path}", flush=True)
    target = urlsplit(request.path)
    if target.path == "/deflate":
        # What `serve` takes for all connections, for this one.
        connection.protocol.available_extensions = compression.settings(target.query)
    if target.path == "/refuse":
        response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "no entry\n")
        response.headers["WWW-Authenticate"] = 'Basic realm="interop"'
        print(f"done {request.path}", flush=True)
        return response


def process_response(_connection, _request, response):
    response.headers["X-Server"] = "interop; one, two"


def select_subprotocol(_connection, offered):
    return next((name for name in offered if name in ("chat.v2", "chat.v3")), None)


async def converse(ws):
    target = urlsplit(ws.request.path)
    try:
        query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        await CONVERSATIONS[target.path](ws, query)
        print(f"done {ws.request.path}", flush=True)
    except Exception as error:
        print(f"FAILED {ws.request.path}: {error!r}", flush=True)


async def echo(ws, _query):
    async for message in ws:
        await ws.send(message)


async def fragments(ws, _query):
    async for message in ws:
        await send_in_pieces(ws, message)


async def ping(ws, query):
    # Resolved by the pong with this payload, and by no other.
    await (await ws.ping(bytes.fromhex(query.get("payload", ""))))
    await ws.send("the pong came")
    await ws.wait_closed()


async def stream(ws, _query):
    async def send():
        for message in NUMBERED:
            await ws.send(message)

    sending = asyncio.create_task(send())
    received = [message async for message in ws]
    await sending
    same("the stream", received, NUMBERED)


async def lost(ws, _query):
    await until_end(ws)
    same("the close code", ws.close_code, 1006)


async def leave(ws, _query):
    ws.transport.abort()


async def close_first(ws, query):
    code = int(query["code"]) if "code" in query else None
    await close(ws, code, bytes.fromhex(query.get("reason", "")).decode())
    same("the client's close code", ws.close_code, code or 1005)


async def close_second(ws, query):
    await until_end(ws)
    same("the client's close code", ws.close_code, int(query.get("code", 1005)))
    same("the client's close reason", ws.close_reason, bytes.fromhex(query.get("reason", "")).decode())
    if not ws.protocol.close_rcvd_then_sent:
        raise AssertionError("the client did not close first")


async def deflate(ws, _query):
    await compression.converse(ws, urlsplit(ws.request.path).query, "server")


async def subprotocol(ws, _query):
    await ws.send(ws.subprotocol or "none")
    await ws.wait_closed()


async def whoami(ws, _query):
    await ws.send(f"{ws.request.headers['X-Client']} {urlsplit(ws.request.path).query}")
    await ws.wait_closed()


async def breaks(ws, query):
    ws.transport.write(bytes.fromhex(query["bytes"]))
    await until_end(ws)
    same("the client's close code", ws.close_code, int(query["code"]))


async def broken(ws, query):
    await until_end(ws)
    same("our close code", ws.protocol.close_sent.code, int(query["code"]))


CONVERSATIONS = {
    "/echo": echo,
    "/fragments": fragments,
    "/ping": ping,
    "/stream": stream,
    "/farewell": lambda ws, _query: farewell(ws),
    "/heard": lambda ws, _query: hear_farewell(ws),
    "/lost": lost,
    "/leave": leave,
    "/close": close_first,
    "/closed": close_second,
    "/deflate": deflate,
    "/subprotocol": subprotocol,
    "/whoami": whoami,
    "/breaks": breaks,
    "/broken": broken,
}

if __name__ == "__main__":
    asyncio.run(main())
