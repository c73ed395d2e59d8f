"""aiohttp as a server, for the conversations that its interface has means for; ../README.md tells what it does for each path."""

import asyncio

from aiohttp import WSMsgType, web

from words import MAX_SIZE, NUMBERED, converse, farewell, hear, hear_farewell, same, send, until_end


async def main():
    app = web.Application()
    app.router.add_get("/{path}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("listening on {}:{}".format(*runner.addresses[0]), flush=True)
    await asyncio.Event().wait()


async def serve(request):
    print(f"begun {request.path_qs}", flush=True)
    if request.path == "/refuse":
        print(f"done {request.path_qs}", flush=True)
        return web.Response(status=401, text="no entry\n", headers={"WWW-Authenticate": 'Basic realm="interop"'})
    compress = request.path == "/deflate" and request.query["s"] != "off"
    limits = {"max_msg_size": MAX_SIZE + 1, "autoclose": False}
    ws = web.WebSocketResponse(protocols=("chat.v2", "chat.v3"), compress=compress, **limits)
    ws.headers["X-Server"] = "interop; one, two"
    try:
        await ws.prepare(request)
        await CONVERSATIONS[request.path](ws, request)
        print(f"done {request.path_qs}", flush=True)
    except Exception as error:
        print(f"FAILED {request.path_qs}: {error!r}", flush=True)
    return ws


async def echo(ws, _request):
    while (message := await ws.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        await send(ws, message.data)
    same("the end", (message.type, message.data), (WSMsgType.CLOSE, 1000))
    await ws.close()


async def stream(ws, _request):
    async def send_all():
        for message in NUMBERED:
            await send(ws, message)

    sending = asyncio.create_task(send_all())
    for message in NUMBERED:
        await hear(ws, "the stream", message)
    await sending
    await until_end(ws, 1000)


async def close_first(ws, request):
    code = int(request.query["code"])
    await ws.close(code=code, message=bytes.fromhex(request.query["reason"]))
    same("the client's close code", ws.close_code, code)


async def close_second(ws, request):
    came = await until_end(ws, int(request.query["code"]))
    same("the client's close reason", came.extra or "", bytes.fromhex(request.query["reason"]).decode())


async def subprotocol(ws, _request):
    await send(ws, ws.ws_protocol or "none")
    await until_end(ws, 1000)


async def whoami(ws, request):
    await send(ws, f"{request.headers['X-Client']} {request.path_qs.partition('?')[2]}")
    await until_end(ws, 1000)


async def deflate(ws, request):
    await converse(ws, request.path_qs.partition("?")[2], ws.headers.get("Sec-WebSocket-Extensions"), "server")


CONVERSATIONS = {
    "/echo": echo,
    "/stream": stream,
    "/farewell": lambda ws, _request: farewell(ws),
    "/heard": lambda ws, _request: hear_farewell(ws),
    "/close": close_first,
    "/closed": close_second,
    "/subprotocol": subprotocol,
    "/whoami": whoami,
    "/deflate": deflate,
}

if __name__ == "__main__":
    asyncio.run(main())
