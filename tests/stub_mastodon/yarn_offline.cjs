#!/usr/bin/env node
'use strict';

// Stands in for Yarn where the archive was packed without npm. These workspaces have no dependencies, so
// there is nothing to install; a lock file that misses a workspace is refused as Yarn would.
const fs = require('node:fs');
const path = require('node:path');

function fail(message) {
  console.error(`YN0028: ${message}`);
  process.exit(1);
}

function root(directory) {
  if (fs.existsSync(path.join(directory, 'yarn.lock'))) return directory;
  const parent = path.dirname(directory);
  return parent === directory ? fail('no yarn.lock found') : root(parent);
}

const top = root(process.cwd());
const lock = fs.readFileSync(path.join(top, 'yarn.lock'), 'utf8');
const project = JSON.parse(fs.readFileSync(path.join(top, 'package.json'), 'utf8'));
const packages = (project.workspaces || ['.']).map((place) => path.join(top, place, 'package.json')).filter((file) => fs.existsSync(file))
  .map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));

for (const one of packages) {
  if (!lock.includes(`"${one.name}@workspace:`)) fail(`The lockfile would have been modified by this install: ${one.name} is missing`);
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    if (Object.keys(one[kind] || {}).length > 0) fail(`${one.name} has ${kind}; pack the archive where npm is installed`);
  }
}

const [command = 'install', ...rest] = process.argv.slice(2);
if (command === '--version') console.log('4.9.2');
else if (command === 'install' || (command === 'workspaces' && rest[0] === 'focus')) {
  const wanted = command === 'workspaces' ? rest.slice(1).filter((word) => !word.startsWith('-')) : [];
  for (const name of wanted) if (!packages.some((one) => one.name === name)) fail(`Couldn't find a workspace ${name}`);
  console.log('YN0000: Done, nothing to install');
} else fail(`this replacement does not know "${command}"`);
