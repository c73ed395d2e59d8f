// Compression: what the query of /deflate says, as ws understands it, and what comes over the wire.
'use strict';

const { script, flow, check, spell } = require('../shared/script');
const { sendInPieces, same } = require('./words');

const OPTIONS = { sn: 'serverNoContextTakeover', cn: 'clientNoContextTakeover', s: 'serverMaxWindowBits', c: 'clientMaxWindowBits' };

// Parameters as ws names them; `sn0` and the like stand for false. `absent` is what stays for those that are not named.
function options(spelled, absent = {}) {
  const all = { threshold: 0, ...absent };
  for (const [, name, value] of spelled.matchAll(/(sn|cn|s|c)(\d*)/g)) {
    all[OPTIONS[name]] = value === '' || (value !== '0' && Number(value));
  }
  return all;
}

// What a client offers. Left out, it is an offer with `client_max_window_bits`.
function offer(query) {
  const offered = new URLSearchParams(query).get('o');
  return offered !== 'none' && options(offered, { clientMaxWindowBits: false });
}

// What a server is set to.
function settings(query) {
  const said = new URLSearchParams(query).get('s');
  return said !== 'off' && options(said);
}

// First the client sends everything, then the server; each end knows what has to come.
async function converse(ws, query, role, answer) {
  const field = (name) => new URLSearchParams(query).get(name);
  same('the answer', spell(answer), field('a'));
  const [up, down, count] = [flow(field('up')), flow(field('down')), Number(field('n'))];
  const wire = gauge(ws);
  if (role === 'client') {
    await send(ws, script(up, count));
    await receive(ws, down, count, wire);
    ws.close(1000);
  } else {
    await receive(ws, up, count, wire);
    await send(ws, script(down, count));
  }
  // Pongs for the fragments may come before.
  let event;
  do event = await ws.next();
  while ('pong' in event);
  same("the peer's close code", event.close ?? event, 1000);
}

async function send(ws, messages) {
  for (const [name, message] of messages) {
    if (name === 'fragments') sendInPieces(ws, message);
    else ws.send(message, { compress: name !== 'plain' });
  }
}

async function receive(ws, flow, count, wire) {
  let first;
  for (const [name, message] of script(flow, count)) {
    let event;
    do event = await ws.next();
    while ('ping' in event || 'pong' in event);
    same('the message', event.message ?? event, typeof message === 'string' ? message : Buffer.from(message));
    if (!wire) continue;
    const [compressed, size] = wire.shift();
    if (name === 'small') first = size;
    check(name, flow, message, compressed, compressed ? size : Buffer.byteLength(message), first);
  }
}

// A list that grows by whether each message came compressed, and its size on the wire; none without compression.
function gauge(ws) {
  const agreed = ws._extensions['permessage-deflate'];
  if (!agreed) return undefined;
  const messages = [];
  let [compressed, size] = [false, 0];
  const decompress = agreed.decompress;
  agreed.decompress = function (data, ...rest) {
    [compressed, size] = [true, size + data.length];
    return decompress.call(this, data, ...rest);
  };
  ws.prependListener('message', () => {
    messages.push([compressed, size]);
    [compressed, size] = [false, 0];
  });
  return messages;
}

module.exports = { offer, settings, converse };
