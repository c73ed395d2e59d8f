// What both ends of a conversation say in the same words.
'use strict';

// As our own limit: one frame of 16 MiB passes, a larger one does not.
const MAX_SIZE = 16 * 1024 * 1024;

const BETWEEN = Buffer.from('between fragments');

// The messages of /stream, from each end: together more than the sockets' buffers hold.
const NUMBERED = Array.from({ length: 100 }, (_, number) => `${number} ${'x'.repeat(16_000)}`);

// Lets the events of a socket be taken in order, one at a time, by `await ws.next()`.
function attend(ws) {
  const told = [];
  const waiting = [];
  const tell = (event) => (waiting.length > 0 ? waiting.shift()(event) : told.push(event));
  ws.next = () => (told.length > 0 ? Promise.resolve(told.shift()) : new Promise((resolve) => waiting.push(resolve)));
  ws.on('message', (data, isBinary) => tell({ message: isBinary ? data : data.toString() }));
  ws.on('ping', (data) => tell({ ping: data }));
  ws.on('pong', (data) => tell({ pong: data }));
  ws.on('error', (error) => tell({ error: error.code ?? error.message }));
  ws.on('close', (code, reason) => tell({ close: code, reason: reason.toString() }));
  return ws;
}

// Takes the next event, which must be of that kind, and returns its value.
async function next(ws, kind) {
  const event = await ws.next();
  if (!(kind in event)) throw new Error(`instead of a ${kind} came ${brief(event)}`);
  return event[kind];
}

// Takes the close event, which must carry that code and, where one is given, that reason.
async function ends(ws, code, reason) {
  const event = await ws.next();
  same("the peer's close code", event.close ?? event, code);
  if (reason !== undefined) same("the peer's close reason", event.reason, reason);
}

// Sends more than the sockets' buffers hold and closes at once: nothing may be cut off.
async function farewell(ws) {
  for (const message of NUMBERED) ws.send(message);
  ws.close(1001);
  await ends(ws, 1001);
}

// The other end of `farewell`.
async function hearFarewell(ws) {
  for (const message of NUMBERED) same('the message', await next(ws, 'message'), message);
  await ends(ws, 1001, '');
}

// The peer broke the protocol: ws must find that out, then end.
async function fails(ws) {
  const error = await next(ws, 'error');
  if (!error.startsWith('WS_ERR_')) throw new Error(`the connection failed otherwise: ${error}`);
  // Having failed the connection, ws does not look at what is answered.
  await ends(ws, 1006);
}

// Sends a message in three fragments, the second empty, with a ping after the first. A text is cut inside a character
// if it has one of several bytes.
function sendInPieces(ws, message) {
  const binary = typeof message !== 'string';
  const data = Buffer.from(message);
  const inside = binary ? -1 : data.findIndex((byte) => (byte & 0xc0) === 0x80);
  const cut = inside < 0 ? data.length >> 1 : inside;
  ws.send(data.subarray(0, cut), { binary, fin: false });
  ws.ping(BETWEEN);
  ws.send(Buffer.alloc(0), { binary, fin: false });
  ws.send(data.subarray(cut), { binary, fin: true });
}

function same(what, found, wanted) {
  const equal = Buffer.isBuffer(wanted) ? Buffer.isBuffer(found) && wanted.equals(found) : found === wanted;
  if (!equal) throw new Error(`${what} is ${brief(found)}, expected ${brief(wanted)}`);
}

function brief(value) {
  const text = Buffer.isBuffer(value) ? `<${value.subarray(0, 40).toString('hex')}>` : JSON.stringify(value) ?? 'nothing';
  return text.length > 160 ? `${text.slice(0, 160)}... (${text.length} characters)` : text;
}

module.exports = { MAX_SIZE, BETWEEN, NUMBERED, attend, next, ends, farewell, hearFarewell, fails, sendInPieces, same };
