// What is sent both ways over a connection with compression, and how it has to come: script.py in another language, for
// Node.js and for pages.
'use strict';

(() => {
  // Numbers that all languages can compute.
  function randomBytes(seed, length, mask) {
    return Uint8Array.from({ length }, () => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 16) & mask;
    });
  }

  const noises = new Map();

  // A text that Huffman codes halve; further only repetition can.
  function noise(length) {
    if (!noises.has(length)) {
      noises.set(length, Array.from(randomBytes(length, length, 15), (number) => number.toString(16)).join(''));
    }
    return noises.get(length);
  }

  function record(number) {
    return (
      `{"id": ${number}, "name": "item ${number}", "tags": ["alpha", "beta"], "text": "nothing new under the sun", ` +
      `"number": ${number * 7919}, "active": true, "parent": null}\n`
    );
  }

  // Names and messages. With less than 9 bits zlib looks as far back as with 9.
  function script({ bits }, count) {
    const within = (1 << Math.max(bits, 9)) - 322;
    const beyond = (1 << bits) + 50;
    const records = (many) => Array.from({ length: many }, (_, number) => record(number));
    return [
      ['small', noise(200)],
      ['again', noise(200)],
      ['plain', noise(200)],
      ['again', noise(200)],
      ['empty', ''],
      ['fragments', 'in pieces: 世界 '.repeat(120)],
      ['binary', randomBytes(1, 3000, 255)],
      ['within', noise(within).repeat(2)],
      ['beyond', noise(beyond).repeat(2)],
      ...records(count).map((message) => ['many', message]),
      ['large', new TextEncoder().encode(records(count * 4).join(''))],
    ];
  }

  // How one end compresses: `t15` with context takeover and a window of 15 bits, `n9` without, `-` not at all. An `a`
  // behind it stands for an end that cannot be told to send a message as it is, or in fragments.
  function flow(spelled) {
    const never = spelled === '-';
    return { never, always: spelled.endsWith('a'), keeps: spelled.startsWith('t'), bits: never ? 15 : parseInt(spelled.slice(1)) };
  }

  const length = (message) => (typeof message === 'string' ? new TextEncoder().encode(message) : message).length;

  // How a message must have come over the wire; `first` is the size of the small one that came first.
  function check(name, { never, always, keeps }, message, compressed, size, first) {
    const whole = length(message);
    const expectations = {
      small: () => compressed && size < 180,
      again: () => compressed && (keeps ? size < 40 : size >= first - 2 && size < 180),
      plain: () => (always ? expectations.again() : !compressed && size === whole),
      empty: () => size <= 6,
      fragments: () => compressed && size < whole / 2,
      binary: () => size <= whole * 1.05 + 32,
      within: () => compressed && size < whole * 0.45,
      beyond: () => size > whole * 0.48,
      many: () => compressed && size < (keeps && !message.includes('"id": 0,') ? whole * 0.5 : whole),
      large: () => compressed && size < whole / 4,
    };
    if (!(never ? !compressed && size === whole : expectations[name]())) {
      throw new Error(`${name}: ${size} bytes ${compressed ? 'compressed' : 'as they are'} for ${whole}, of ${first}`);
    }
  }

  // An answer as the cases spell it: `sn.c12`, `-` without parameters, `none` where there is none.
  function spell(extension) {
    if (!extension) return 'none';
    const [name, ...params] = extension.split(';').map((each) => each.trim());
    if (name !== 'permessage-deflate') return extension;
    const names = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits', 'client_max_window_bits'];
    const found = params.map((each) => each.split('='));
    found.sort(([one], [other]) => names.indexOf(one) - names.indexOf(other));
    return found.map(([key, value = '']) => (['sn', 'cn', 's', 'c'][names.indexOf(key)] ?? key) + value).join('.') || '-';
  }

  const all = { script, flow, check, spell };
  if (typeof module === 'undefined') globalThis.shared = all;
  else module.exports = all;
})();
