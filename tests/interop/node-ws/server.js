// ws as a server; ../README.md tells what it does for each path.
'use strict';

const http = require('node:http');
const { WebSocketServer } = require('ws');
const compression = require('./compression');
const words = require('./words');

const { MAX_SIZE, BETWEEN, NUMBERED, attend, next, ends, fails, sendInPieces, same } = words;

const OPTIONS = {
  noServer: true,
  maxPayload: MAX_SIZE,
  handleProtocols: (offered) => [...offered].find((name) => ['chat.v2', 'chat.v3'].includes(name)) ?? false,
  verifyClient: ({ req }, decide) => {
    console.log(`begun ${req.url}`);
    if (req.url !== '/refuse') return decide(true);
    console.log(`done ${req.url}`);
    return decide(false, 401, 'no entry\n', { 'WWW-Authenticate': 'Basic realm="interop"' });
  },
};

const server = http.createServer();
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
server.on('upgrade', (request, socket, head) => {
  const [path, query] = request.url.split('?');
  // Settings hold for all connections of a WebSocketServer: each request has its own.
  const perMessageDeflate = path === '/deflate' && compression.settings(query);
  const sockets = new WebSocketServer({ ...OPTIONS, perMessageDeflate });
  sockets.on('headers', (headers) => {
    headers.push('X-Server: interop; one, two');
    const name = 'Sec-WebSocket-Extensions: ';
    request.answer = headers.find((header) => header.startsWith(name))?.slice(name.length);
  });
  sockets.handleUpgrade(request, socket, head, serve);
});

async function serve(ws, request) {
  const url = new URL(request.url, 'ws://127.0.0.1');
  const query = Object.fromEntries(url.searchParams);
  try {
    await conversations[url.pathname](attend(ws), query, request);
    console.log(`done ${request.url}`);
  } catch (error) {
    console.log(`FAILED ${request.url}: ${error.message}`);
    ws.terminate();
  }
}

const bytes = (digits) => Buffer.from(digits ?? '', 'hex');

// The code that a query names; without one the Close frame carries none, which is reported as 1005.
const code = (query) => Number(query.code ?? 1005);

const conversations = {
  async '/echo'(ws) {
    for (;;) {
      const event = await ws.next();
      if ('message' in event) ws.send(event.message);
      if ('close' in event) return same("the client's close code", event.close, 1000);
    }
  },

  async '/fragments'(ws) {
    for (;;) {
      const event = await ws.next();
      if ('close' in event) return same("the client's close code", event.close, 1000);
      sendInPieces(ws, event.message);
      same('the answer to a ping', await next(ws, 'pong'), BETWEEN);
    }
  },

  async '/ping'(ws, query) {
    ws.ping(bytes(query.payload));
    same('the answer to a ping', await next(ws, 'pong'), bytes(query.payload));
    ws.send('the pong came');
    await ends(ws, 1000);
  },

  async '/stream'(ws) {
    for (const message of NUMBERED) ws.send(message);
    for (const message of NUMBERED) same('the stream', await next(ws, 'message'), message);
    await ends(ws, 1000);
  },

  '/farewell': words.farewell,
  '/heard': words.hearFarewell,

  async '/lost'(ws) {
    await ends(ws, 1006);
  },

  async '/leave'(ws) {
    ws.terminate();
  },

  async '/close'(ws, query) {
    if (query.code) ws.close(Number(query.code), bytes(query.reason));
    else ws.close();
    await ends(ws, code(query));
  },

  async '/closed'(ws, query) {
    await ends(ws, code(query), bytes(query.reason).toString());
  },

  async '/deflate'(ws, _query, request) {
    await compression.converse(ws, request.url.split('?')[1], 'server', request.answer);
  },

  async '/subprotocol'(ws) {
    ws.send(ws.protocol || 'none');
    await ends(ws, 1000);
  },

  async '/whoami'(ws, _query, request) {
    ws.send(`${request.headers['x-client']} ${request.url.split('?')[1]}`);
    await ends(ws, 1000);
  },

  async '/breaks'(ws, query) {
    // Past the framing, which is only possible beneath the public interface.
    ws._socket.write(bytes(query.bytes));
    await ends(ws, code(query));
  },

  async '/broken'(ws) {
    await fails(ws);
  },
};
