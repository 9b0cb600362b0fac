'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const NODE_ENV = process.env.NODE_ENV || 'development';
// The same file as Rails reads, so a BIND, PORT, SOCKET or DB_POOL in it counts here.
require('./dotenv').load(path.resolve(__dirname, NODE_ENV === 'production' ? '../.env.production' : '../.env'));

const { WebSocketServer } = require('ws');
const { createLogger } = require('./logger');
const { createPool, accountFromToken } = require('./database');
const { createMetrics } = require('./metrics');
const { Redis, settings } = require('./redis');
const { RequestError, channelsFor, flagsFor, streamFromPath } = require('./streams');

const PING_EVERY = 30 * 1000;
const HEARTBEAT_EVERY = 15 * 1000;
const FLAG_EVERY = 6 * 60 * 1000;
const FLAG_TTL = 18 * 60;

const logger = createLogger(process.env.LOG_LEVEL);

// An exception that nobody caught ends the process with status 0, so only Restart=always brings it back.
process.on('uncaughtException', (error) => {
  logger.fatal(`Uncaught exception: ${error.stack}`);
  process.exit(0);
});
process.on('unhandledRejection', (error) => {
  throw error;
});

const state = { clients: { websocket: 0, eventsource: 0 }, channels: new Map(), subscriptions: new Map() };
const pool = createPool(process.env, logger);
const metrics = createMetrics(pool, state);
const publisher = new Redis(settings(process.env), logger);
const subscriber = new Redis(settings(process.env), logger);

subscriber.onMessage = (channel, message) => {
  metrics.counters.redis_messages_received_total += 1;
  const listeners = state.subscriptions.get(channel);
  if (!listeners) return;
  let json;
  try {
    json = JSON.parse(message);
  } catch (error) {
    logger.error(`Error parsing message from Redis: ${error.message}`);
    return;
  }
  for (const listener of listeners) listener(json);
};

function count(map, key, by) {
  const value = (map.get(key) || 0) + by;
  if (value > 0) map.set(key, value);
  else map.delete(key);
}

// Follows channels for one client until the returned function is called.
function follow(channels, type, streamName, send) {
  const listener = (json) => {
    const { event, payload } = json;
    // An update without what makes a post is a bug of whoever published it, and it is not caught here.
    if (event === 'update') logger.trace(`update ${payload.id} to ${streamName}`);
    send(event, typeof payload === 'object' ? JSON.stringify(payload) : String(payload));
    metrics.counters.messages_sent_total[type] += 1;
  };
  const flags = flagsFor(channels);
  const raise = () => flags.forEach((flag) => publisher.command('SET', flag, '1', 'EX', FLAG_TTL).catch((error) => logger.error(error.message)));
  const timer = flags.length > 0 ? setInterval(raise, FLAG_EVERY) : null;
  raise();
  for (const channel of channels) {
    if (!state.subscriptions.has(channel)) {
      state.subscriptions.set(channel, new Set());
      subscriber.subscribe(channel);
    }
    state.subscriptions.get(channel).add(listener);
  }
  count(state.channels, `${type}|${streamName}`, 1);
  return () => {
    clearInterval(timer);
    count(state.channels, `${type}|${streamName}`, -1);
    for (const channel of channels) {
      const listeners = state.subscriptions.get(channel);
      listeners?.delete(listener);
      if (listeners?.size === 0) {
        state.subscriptions.delete(channel);
        subscriber.unsubscribe(channel);
      }
    }
  };
}

async function authenticate(request, query) {
  const header = request.headers.authorization?.match(/^Bearer (.+)$/)?.[1];
  const token = header || query.get('access_token') || request.headers['sec-websocket-protocol'];
  if (!token) throw new RequestError('Missing access token', 401);
  const session = await accountFromToken(pool, token);
  if (!session) throw new RequestError('Invalid access token', 401);
  return session;
}

function refuse(response, error) {
  const status = error.status || 500;
  if (status === 500) logger.error(error.stack);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ error: status === 500 ? 'An unexpected error occurred' : error.message }));
}

async function serveEvents(request, response, url) {
  const name = streamFromPath(url.pathname, url.searchParams);
  if (!name) throw new RequestError('Not found', 404);
  const session = await authenticate(request, url.searchParams);
  const channels = channelsFor(session, name, { tag: url.searchParams.get('tag') });
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'private, no-store', 'Transfer-Encoding': 'chunked', 'X-Accel-Buffering': 'no' });
  response.write(':)\n');
  state.clients.eventsource += 1;
  const stop = follow(channels, 'eventsource', name, (event, payload) => response.write(`event: ${event}\ndata: ${payload}\n\n`));
  const heartbeat = setInterval(() => response.write(':thump\n'), HEARTBEAT_EVERY);
  request.on('close', () => {
    clearInterval(heartbeat);
    stop();
    state.clients.eventsource -= 1;
  });
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  response.setHeader('Access-Control-Allow-Origin', '*');
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { 'Access-Control-Allow-Headers': 'Authorization, Accept, Cache-Control', 'Access-Control-Allow-Methods': 'GET, OPTIONS' });
    response.end();
  } else if (url.pathname === '/api/v1/streaming/health') {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'private, no-store' });
    response.end('OK');
  } else if (url.pathname === '/metrics') {
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' });
    response.end(metrics.render());
  } else {
    serveEvents(request, response, url).catch((error) => refuse(response, error));
  }
});

const sockets = new WebSocketServer({ noServer: true });

server.on('upgrade', async (request, socket, head) => {
  socket.on('error', (error) => logger.debug(`socket: ${error.message}`));
  try {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname.replace(/\/$/, '') !== '/api/v1/streaming') throw new RequestError('Not found', 404);
    const session = await authenticate(request, url.searchParams);
    sockets.handleUpgrade(request, socket, head, (client) => serveSocket(client, session, url.searchParams));
  } catch (error) {
    const status = error.status || 500;
    if (status === 500) logger.error(error.stack);
    const body = JSON.stringify({ error: status === 500 ? 'An unexpected error occurred' : error.message });
    socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
});

function serveSocket(client, session, query) {
  const following = new Map();
  state.clients.websocket += 1;
  client.isAlive = true;

  const subscribe = (name, params) => {
    const channels = channelsFor(session, name, params);
    const key = channels.join(';');
    if (following.has(key)) return;
    const label = name === 'hashtag' ? [name, params.tag] : [name];
    following.set(key, follow(channels, 'websocket', name, (event, payload) => {
      if (client.readyState === client.OPEN) client.send(JSON.stringify({ stream: label, event, payload }));
    }));
  };

  client.on('pong', () => { client.isAlive = true; });
  client.on('error', (error) => logger.debug(`websocket: ${error.message}`));
  client.on('close', () => {
    state.clients.websocket -= 1;
    for (const stop of following.values()) stop();
  });
  client.on('message', (data, isBinary) => {
    if (isBinary) return client.close(1003, 'The mastodon streaming server does not support binary messages');
    try {
      const { type, stream, ...params } = JSON.parse(data.toString());
      if (type === 'subscribe') subscribe(stream, params);
      else if (type === 'unsubscribe') {
        const key = channelsFor(session, stream, params).join(';');
        following.get(key)?.();
        following.delete(key);
      }
    } catch (error) {
      client.send(JSON.stringify({ error: error.message, status: error.status || 400 }));
    }
    return undefined;
  });

  if (query.get('stream')) {
    try {
      subscribe(query.get('stream'), { tag: query.get('tag') });
    } catch (error) {
      client.send(JSON.stringify({ error: error.message, status: error.status || 400 }));
    }
  }
}

setInterval(() => {
  for (const client of sockets.clients) {
    if (!client.isAlive) client.terminate();
    else {
      client.isAlive = false;
      client.ping('', false);
    }
  }
}, PING_EVERY);

function stop() {
  server.close();
  process.exit(0);
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

Promise.all([publisher.connect(), subscriber.connect()]).then(() => {
  const socket = process.env.SOCKET;
  if (socket) {
    fs.rmSync(socket, { force: true });
    server.listen(socket, () => {
      fs.chmodSync(socket, 0o666);
      logger.info(`Streaming API now listening on ${socket}`);
    });
  } else {
    const port = Number(process.env.PORT || 4000);
    const bind = (process.env.BIND || '127.0.0.1').replace(/^\[|\]$/g, '');
    server.listen(port, bind, () => logger.info(`Streaming API now listening on ${bind}:${port}`));
  }
});
