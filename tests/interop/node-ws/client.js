// ws as a client: client.js URL [CASES] holds every conversation with the server there.
'use strict';

const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const WebSocket = require('ws');
const compression = require('./compression');
const words = require('./words');

const { MAX_SIZE, BETWEEN, NUMBERED, attend, next, ends, fails, sendInPieces, same } = words;

const URL = process.argv[2];
// The queries of /deflate.
const CASES = process.argv[3] ? readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean) : [];

// Longer than any conversation takes on a busy machine, shorter than the driver's patience.
const PATIENCE = 30_000;

// Close frames to send and to receive: name, code, reason.
const CLOSES = [
  ['1000', 1000, ''],
  ['1001', 1001, 'going away'],
  ['3000', 3000, ''],
  ['4999', 4999, 'bis später 👋'],
  ['empty', undefined, ''],
];

// What breaks the protocol: name, the code it deserves, bytes from a client and from a server.
const VIOLATIONS = [
  ['opcode', 1002, '838000000000', '8300'],
  ['mask', 1002, '8100', '818000000000'],
  ['close', 1002, '88820000000003ed', '880203ed'],
  ['utf8', 1007, '818200000000c328', '8102c328'],
  ['size', 1009, '82ff000000000100000100000000', '827f0000000001000001'],
];

function* conversations() {
  const lengths = [125, 126, 127, 65_535, 65_536];
  yield ['text', () => echoes('Hello', '', 'Grüße, 世界 🌍', '\0', ...lengths.map((length) => 'x'.repeat(length)))];
  yield ['binary', () => echoes(...[0, 1, ...lengths].map(pattern))];
  yield ['large', () => echoes('€'.repeat(MAX_SIZE / 16 / 3), pattern(MAX_SIZE / 16), pattern(MAX_SIZE))];
  yield ['pipelined', pipelined];
  yield ['stream', stream];
  yield ['fragments sent', fragmentsSent];
  yield ['fragments received', fragmentsReceived];
  yield ['ping sent', pingSent];
  yield ['ping received', pingReceived];
  yield ['subprotocol', () => subprotocol(['chat.v1', 'chat.v2', 'chat.v3'], 'chat.v2')];
  // To ws an offer that goes unanswered is an error, as it is to browsers, and it hangs up.
  yield ['subprotocol unknown', () => subprotocolUnanswered(['chat.v1'])];
  yield ['subprotocol absent', () => subprotocol([], '')];
  yield ['headers', headers];
  yield ['refused', refused];
  yield ['extensions', extensions];
  yield ['farewell sent', async () => words.farewell(await connect('/heard'))];
  yield ['farewell received', async () => words.hearFarewell(await connect('/farewell'))];
  yield ['loss sent', async () => (await connect('/lost')).terminate()];
  yield ['loss received', async () => ends(await connect('/leave'), 1006)];
  for (const [name, code, reason] of CLOSES) {
    yield [`close sent ${name}`, () => closeSent(code, reason)];
    yield [`close received ${name}`, () => closeReceived(code, reason)];
  }
  for (const [name, code, ours, theirs] of VIOLATIONS) {
    yield [`violation sent ${name}`, () => violationSent(code, ours)];
    yield [`violation received ${name}`, () => violationReceived(code, theirs)];
  }
  for (const query of CASES) yield [`deflate ${query}`, () => deflate(query)];
}

// The compression that is offered by default stays on offer: the server has to decline it.
function dial(path, protocols = [], options = {}) {
  return attend(new WebSocket(URL + path, protocols, { maxPayload: MAX_SIZE, ...options }));
}

async function connect(path, ...rest) {
  const ws = dial(path, ...rest);
  await once(ws, 'open');
  return ws;
}

function pattern(length) {
  // A prime, so that no power of two hides a shift.
  return Buffer.alloc(length, Uint8Array.from({ length: 251 }, (_, at) => at));
}

async function echoes(...messages) {
  const ws = await connect('/echo');
  for (const message of messages) {
    ws.send(message);
    same('the echo', await next(ws, 'message'), message);
  }
  await goodbye(ws);
}

async function pipelined() {
  const ws = await connect('/echo');
  const messages = Array.from({ length: 100 }, (_, number) => `message ${number}`);
  for (const message of messages) ws.send(message);
  for (const message of messages) same('the echo', await next(ws, 'message'), message);
  await goodbye(ws);
}

async function stream() {
  const ws = await connect('/stream');
  for (const message of NUMBERED) ws.send(message);
  for (const message of NUMBERED) same('the stream', await next(ws, 'message'), message);
  await goodbye(ws);
}

async function fragmentsSent() {
  const ws = await connect('/echo');
  for (const message of ['in pieces: 世界', pattern(70_000)]) {
    sendInPieces(ws, message);
    same('the pong', await next(ws, 'pong'), BETWEEN);
    same('the echo', await next(ws, 'message'), message);
  }
  await goodbye(ws);
}

async function fragmentsReceived() {
  const ws = await connect('/fragments');
  for (const message of ['in pieces: 世界', pattern(70_000)]) {
    ws.send(message);
    same('the ping', await next(ws, 'ping'), BETWEEN);
    same('the message', await next(ws, 'message'), message);
  }
  await goodbye(ws);
}

const PAYLOADS = [Buffer.alloc(0), Buffer.from('are you there?'), Buffer.alloc(125, 0xff)];

async function pingSent() {
  const ws = await connect('/echo');
  for (const payload of PAYLOADS) {
    ws.ping(payload);
    same('the pong', await next(ws, 'pong'), payload);
  }
  await goodbye(ws);
}

async function pingReceived() {
  for (const payload of PAYLOADS) {
    const ws = await connect(`/ping?payload=${payload.toString('hex')}`);
    same('the ping', await next(ws, 'ping'), payload);
    same('the answer', await next(ws, 'message'), 'the pong came');
    await goodbye(ws);
  }
}

async function subprotocol(offered, chosen) {
  const ws = await connect('/subprotocol', offered);
  same('the subprotocol', ws.protocol, chosen);
  same("the server's view", await next(ws, 'message'), chosen || 'none');
  await goodbye(ws);
}

async function subprotocolUnanswered(offered) {
  const ws = dial('/lost', offered);
  same('the error', await next(ws, 'error'), 'Server sent no subprotocol');
  await ends(ws, 1006);
}

async function headers() {
  const ws = dial('/whoami?q=a%20b%2Fc&r=', [], { headers: { 'X-Client': 'interop; three, four' } });
  const [response] = await once(ws, 'upgrade');
  same('X-Server', response.headers['x-server'], 'interop; one, two');
  same('what the server saw', await next(ws, 'message'), 'interop; three, four q=a%20b%2Fc&r=');
  await goodbye(ws);
}

async function refused() {
  const [, response] = await once(dial('/refuse'), 'unexpected-response');
  same('the status', response.statusCode, 401);
  same('its header', response.headers['www-authenticate'], 'Basic realm="interop"');
  same('its body', Buffer.concat(await response.toArray()).toString(), 'no entry\n');
}

async function extensions() {
  const ws = await connect('/echo');
  same('what the server made of the offer', ws.extensions, '');
  await goodbye(ws);
}

async function closeSent(code, reason) {
  const ws = await connect(withClose('/closed', code, reason));
  if (code) ws.close(code, reason);
  else ws.close();
  await ends(ws, code ?? 1005);
}

async function closeReceived(code, reason) {
  const ws = await connect(withClose('/close', code, reason));
  await ends(ws, code ?? 1005, reason);
}

function withClose(path, code, reason) {
  return code ? `${path}?code=${code}&reason=${Buffer.from(reason).toString('hex')}` : path;
}

async function violationSent(code, bytes) {
  const ws = await connect(`/broken?code=${code}`);
  // Past the framing, which is only possible beneath the public interface.
  ws._socket.write(Buffer.from(bytes, 'hex'));
  await ends(ws, code);
}

async function violationReceived(code, bytes) {
  // That ws says the right code is for the server to see.
  await fails(await connect(`/breaks?code=${code}&bytes=${bytes}`));
}

async function deflate(query) {
  const ws = dial(`/deflate?${query}`, [], { perMessageDeflate: compression.offer(query) });
  // It opens in the same moment.
  const [response] = await once(ws, 'upgrade');
  await compression.converse(ws, query, 'client', response.headers['sec-websocket-extensions']);
}

async function goodbye(ws) {
  ws.close(1000);
  await ends(ws, 1000, '');
}

async function main() {
  for (const [name, conversation] of conversations()) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end within ${PATIENCE / 1000} s`)), PATIENCE);
    });
    try {
      await Promise.race([conversation(), late]);
      console.log(`done ${name}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAILED ${name}: ${error.message}`);
    }
    clearTimeout(timer);
  }
  // A conversation that failed may have left its socket open.
  process.exit();
}

main();
