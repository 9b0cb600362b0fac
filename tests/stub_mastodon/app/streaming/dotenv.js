'use strict';

// Reads an environment file as Node's dotenv does: nothing is expanded, nothing is run, an unquoted value
// ends at "#". What is set already stays.
const fs = require('node:fs');

const LINE = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(?:'((?:\\'|[^'])*)'|"((?:\\"|[^"])*)"|`((?:\\`|[^`])*)`|([^#\r\n]*))?\s*(?:#.*)?$/gm;

function load(path) {
  let text;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  for (const [, name, single, double, tick, bare] of text.matchAll(LINE)) {
    let value = single ?? tick ?? (bare ?? '').trim();
    if (double !== undefined) value = double.replaceAll('\\n', '\n').replaceAll('\\r', '\r');
    if (!(name in process.env)) process.env[name] = value;
  }
}

module.exports = { load };
