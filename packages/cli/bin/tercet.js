#!/usr/bin/env node
'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');

const program = path.join(__dirname, '..', 'dist', 'main.js');

if (existsSync(program)) {
  require(program).main();
} else {
  process.stderr.write('tercet: it is not built yet: run `npm run build` (or `make`) first\n');
  process.exitCode = 1;
}
