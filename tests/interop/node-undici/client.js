// undici as a client: client.js URL [CASES] holds the conversations that the standard's WebSocket can hold.
'use strict';

const { readFileSync } = require('node:fs');
const { WebSocket } = require('undici');
const shared = require('../shared/script');
const { hold } = require('../shared/standard');

const [url, file] = process.argv.slice(2);
const cases = file ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

hold({ WebSocket, url, cases, shared, report: (line) => console.log(line) }).then((failed) => process.exit(failed > 0 ? 1 : 0));
