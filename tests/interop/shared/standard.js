// A client for what offers the standard's WebSocket, in a page or in Node.js: the conversations that it can hold.
'use strict';

(() => {
  const PATIENCE = 30_000;

  // Close codes that the standard lets a client send; no code is `empty`.
  const SENT = [['1000', 1000, ''], ['3000', 3000, ''], ['4999', 4999, 'bis später 👋'], ['empty', undefined, '']];
  const RECEIVED = [...SENT, ['1001', 1001, 'going away']];
  // Bytes from a server that break the protocol: name, the code they deserve, the bytes. Messages may have any size.
  const VIOLATIONS = [['opcode', 1002, '8300'], ['mask', 1002, '818000000000'], ['close', 1002, '880203ed']];

  const NUMBERED = Array.from({ length: 100 }, (_, number) => `${number} ${'x'.repeat(16_000)}`);
  const MIB = 1024 * 1024;

  const hex = (text) => Array.from(text, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const encode = (text) => new TextEncoder().encode(text);

  // A prime, so that no power of two hides a shift.
  const pattern = (length) => Uint8Array.from({ length }, (_, at) => at % 251);

  function same(what, found, wanted) {
    const bytes = wanted instanceof Uint8Array && found instanceof ArrayBuffer && new Uint8Array(found);
    const equal = bytes ? bytes.length === wanted.length && bytes.every((byte, at) => byte === wanted[at]) : found === wanted;
    const brief = (value) => String(typeof value === 'object' ? JSON.stringify(value) : value).slice(0, 160);
    if (!equal) throw new Error(`${what} is ${brief(found)}, expected ${brief(wanted)}`);
  }

  // Holds every conversation and reports a line for each; returns how many failed. `utf8` is the code with which the client
  // fails a text that is not UTF-8.
  async function hold({ WebSocket, url, cases, shared, report, utf8 = 1007 }) {
    function dial(path, protocols = []) {
      const ws = new WebSocket(url + path, protocols);
      ws.binaryType = 'arraybuffer';
      const told = [];
      const waiting = [];
      const tell = (event) => (waiting.length > 0 ? waiting.shift()(event) : told.push(event));
      // The next event; an error is always followed by a close.
      ws.next = () => (told.length > 0 ? Promise.resolve(told.shift()) : new Promise((resolve) => waiting.push(resolve)));
      ws.onopen = () => tell({ open: true });
      ws.onmessage = ({ data }) => tell({ message: data });
      ws.onclose = ({ code, reason }) => tell({ close: code, reason });
      ws.onerror = () => {};
      return ws;
    }

    async function connect(path, protocols) {
      const ws = dial(path, protocols);
      same('the opening', (await ws.next()).open, true);
      return ws;
    }

    async function hears(ws, what, message) {
      const event = await ws.next();
      same(what, 'message' in event ? event.message : event, message);
    }

    async function ends(ws, code, reason) {
      const event = await ws.next();
      same("the server's close code", event.close ?? event, code);
      if (reason !== undefined) same("the server's close reason", event.reason, reason);
    }

    async function goodbye(ws) {
      ws.close(1000);
      await ends(ws, 1000, '');
    }

    async function echoes(path, ...messages) {
      const ws = await connect(path);
      for (const message of messages) {
        ws.send(message);
        await hears(ws, 'the echo', message);
      }
      await goodbye(ws);
    }

    // All leave before the first answer is read.
    async function exchange(path, messages) {
      const ws = await connect(path);
      for (const message of messages) ws.send(message);
      for (const message of messages) await hears(ws, 'the message', message);
      await goodbye(ws);
    }

    async function pingReceived() {
      for (const payload of ['', hex(encode('are you there?')), 'ff'.repeat(125)]) {
        const ws = await connect(`/ping?payload=${payload}`);
        await hears(ws, 'the answer', 'the pong came');
        await goodbye(ws);
      }
    }

    async function subprotocol(offered, chosen) {
      const ws = await connect('/subprotocol', offered);
      same('the subprotocol', ws.protocol, chosen);
      await hears(ws, "the server's view", chosen || 'none');
      await goodbye(ws);
    }

    async function extensions() {
      const ws = await connect('/echo');
      same('what the server made of the offer', ws.extensions, '');
      await goodbye(ws);
    }

    async function farewellSent() {
      const ws = await connect('/heard?code=3000');
      for (const message of NUMBERED) ws.send(message);
      ws.close(3000);
      await ends(ws, 3000);
    }

    async function farewellReceived() {
      const ws = await connect('/farewell');
      for (const message of NUMBERED) await hears(ws, 'the message', message);
      await ends(ws, 1001, '');
    }

    async function fails(path, protocols) {
      await ends(dial(path, protocols), 1006);
    }

    async function closeSent(code, reason) {
      const ws = await connect(withClose('/closed', code, reason));
      if (code) ws.close(code, reason);
      else ws.close();
      await ends(ws, code ?? 1005);
    }

    const withClose = (path, code, reason) => (code ? `${path}?code=${code}&reason=${hex(encode(reason))}` : path);

    // Closes that follow at once on the opening, by the server.
    async function ended(path, check) {
      const event = await (await connect(path)).next();
      if (!('close' in event)) throw new Error('instead of the end came a message');
      check?.(event);
    }

    async function deflate(query) {
      const field = (name) => new URLSearchParams(query).get(name);
      const ws = await connect(`/deflate?${query}`);
      same('the answer', shared.spell(ws.extensions), field('a'));
      for (const [, message] of shared.script(shared.flow(field('up')), Number(field('n')))) ws.send(message);
      for (const [name, message] of shared.script(shared.flow(field('down')), Number(field('n')))) await hears(ws, name, message);
      await goodbye(ws);
    }

    const lengths = [125, 126, 127, 65_535, 65_536];
    const conversations = [
      ['text', () => echoes('/echo', 'Hello', '', 'Grüße, 世界 🌍', '\0', ...lengths.map((length) => 'x'.repeat(length)))],
      ['binary', () => echoes('/echo', ...[0, 1, ...lengths].map(pattern))],
      ['large', () => echoes('/echo', '€'.repeat(MIB / 3), pattern(MIB), pattern(16 * MIB))],
      ['pipelined', () => exchange('/echo', Array.from({ length: 100 }, (_, number) => `message ${number}`))],
      ['stream', () => exchange('/stream', NUMBERED)],
      ['fragments received', () => echoes('/fragments', 'in pieces: 世界', pattern(70_000))],
      ['ping received', pingReceived],
      ['subprotocol', () => subprotocol(['chat.v1', 'chat.v2', 'chat.v3'], 'chat.v2')],
      ['subprotocol unknown', () => fails('/lost', ['chat.v1'])],
      ['subprotocol absent', () => subprotocol([], '')],
      ['refused', () => fails('/refuse')],
      ['extensions', extensions],
      ['farewell sent', farewellSent],
      ['farewell received', farewellReceived],
      ['loss received', () => ended('/leave', ({ close }) => same('the close code', close, 1006))],
      ...SENT.map(([name, code, reason]) => [`close sent ${name}`, () => closeSent(code, reason)]),
      ...RECEIVED.map(([name, code, reason]) => [
        `close received ${name}`,
        () => ended(withClose('/close', code, reason), (event) => {
          same("the server's close code", event.close, code ?? 1005);
          same("the server's close reason", event.reason, reason);
        }),
      ]),
      // That the client says the right code is for the server to see.
      ...[...VIOLATIONS, ['utf8', utf8, '8102c328']].map(([name, code, bytes]) => [`violation received ${name}`, () => ended(`/breaks?code=${code}&bytes=${bytes}`)]),
      ...cases.map((query) => [`deflate ${query}`, () => deflate(query)]),
    ];

    let failed = 0;
    for (const [name, conversation] of conversations) {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end within ${PATIENCE / 1000} s`)), PATIENCE);
      });
      try {
        await Promise.race([conversation(), late]);
        report(`done ${name}`);
      } catch (error) {
        failed += 1;
        report(`FAILED ${name}: ${error.message}`);
      }
      clearTimeout(timer);
    }
    return failed;
  }

  if (typeof module === 'undefined') globalThis.hold = hold;
  else module.exports = { hold };
})();
