'use strict';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

// One JSON line per message; an unknown level counts as info.
function createLogger(wanted) {
  const threshold = Math.max(LEVELS.indexOf(wanted), 0) || LEVELS.indexOf(LEVELS.includes(wanted) ? wanted : 'info');
  return Object.fromEntries(LEVELS.map((level, index) => [level, (message) => {
    if (index >= threshold) process.stdout.write(`${JSON.stringify({ level, time: Date.now(), pid: process.pid, msg: String(message) })}\n`);
  }]));
}

module.exports = { createLogger };
