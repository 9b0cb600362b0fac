'use strict';

// A small Redis client: commands with replies, subscriptions with callbacks, reconnects by itself.
const net = require('node:net');
const tls = require('node:tls');

function settings(env) {
  if (env.REDIS_URL) {
    const url = new URL(env.REDIS_URL);
    return {
      host: url.hostname, port: Number(url.port || 6379), db: Number(url.pathname.slice(1) || 0), tls: url.protocol === 'rediss:',
      user: decodeURIComponent(url.username), password: decodeURIComponent(url.password),
    };
  }
  return {
    host: env.REDIS_HOST || '127.0.0.1', port: Number(env.REDIS_PORT || 6379), db: Number(env.REDIS_DB || 0), tls: false,
    user: env.REDIS_USER || '', password: env.REDIS_PASSWORD || '',
  };
}

// Returns [value, next offset] or null when the reply is not there yet.
function parse(buffer, offset) {
  const end = buffer.indexOf('\r\n', offset);
  if (end < 0) return null;
  const line = buffer.toString('utf8', offset + 1, end);
  const next = end + 2;
  switch (buffer[offset]) {
    case 43: return [line, next];
    case 45: return [new Error(line), next];
    case 58: return [Number(line), next];
    case 36: {
      const length = Number(line);
      if (length < 0) return [null, next];
      if (buffer.length < next + length + 2) return null;
      return [buffer.toString('utf8', next, next + length), next + length + 2];
    }
    case 42: {
      const items = [];
      let position = next;
      for (let i = 0; i < Number(line); i += 1) {
        const item = parse(buffer, position);
        if (!item) return null;
        items.push(item[0]);
        position = item[1];
      }
      return [items, position];
    }
    default: throw new Error('not a Redis reply');
  }
}

function encode(args) {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`).join('')}`;
}

class Redis {
  constructor(options, logger) {
    this.options = options;
    this.logger = logger;
    this.waiting = [];
    this.channels = new Set();
    this.onMessage = () => {};
    this.delay = 100;
  }

  connect() {
    return new Promise((resolve) => {
      this.firstConnect = resolve;
      this.open();
    });
  }

  open() {
    const { host, port } = this.options;
    this.buffer = Buffer.alloc(0);
    this.socket = this.options.tls ? tls.connect({ host, port, servername: host }) : net.connect({ host, port, autoSelectFamily: true });
    this.socket.setKeepAlive(true, 10000);
    this.socket.on(this.options.tls ? 'secureConnect' : 'connect', () => this.greet());
    this.socket.on('data', (data) => this.receive(data));
    this.socket.on('error', (error) => this.logger.error(`Redis connection: ${error.message}`));
    this.socket.on('close', () => this.reopen());
  }

  reopen() {
    this.ready = false;
    for (const { reject } of this.waiting.splice(0)) reject(new Error('Redis connection closed'));
    setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(this.delay * 2, 2000);
  }

  async greet() {
    const { user, password, db } = this.options;
    try {
      if (password) await this.send(user ? ['AUTH', user, password] : ['AUTH', password]);
      if (db) await this.send(['SELECT', db]);
      await this.send(['PING']);
      this.ready = true;
      this.delay = 100;
      if (this.channels.size > 0) this.send(['SUBSCRIBE', ...this.channels]);
      if (this.firstConnect) this.firstConnect();
      this.firstConnect = null;
    } catch (error) {
      this.logger.error(`Redis refuses us: ${error.message}`);
      this.socket.destroy();
    }
  }

  send(args) {
    return new Promise((resolve, reject) => {
      if (args[0] === 'SUBSCRIBE' || args[0] === 'UNSUBSCRIBE') resolve();
      else this.waiting.push({ resolve, reject });
      this.socket.write(encode(args));
    });
  }

  command(...args) {
    return this.ready ? this.send(args) : Promise.reject(new Error('Redis is not connected'));
  }

  receive(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    let offset = 0;
    for (let reply = parse(this.buffer, offset); offset < this.buffer.length && reply; reply = offset < this.buffer.length ? parse(this.buffer, offset) : null) {
      offset = reply[1];
      this.dispatch(reply[0]);
    }
    this.buffer = this.buffer.subarray(offset);
  }

  dispatch(reply) {
    if (Array.isArray(reply) && reply[0] === 'message') this.onMessage(reply[1], reply[2]);
    else if (Array.isArray(reply) && (reply[0] === 'subscribe' || reply[0] === 'unsubscribe')) return;
    else {
      const caller = this.waiting.shift();
      if (!caller) return;
      if (reply instanceof Error) caller.reject(reply);
      else caller.resolve(reply);
    }
  }

  subscribe(channel) {
    this.channels.add(channel);
    if (this.ready) this.send(['SUBSCRIBE', channel]);
  }

  unsubscribe(channel) {
    this.channels.delete(channel);
    if (this.ready) this.send(['UNSUBSCRIBE', channel]);
  }
}

module.exports = { Redis, settings };
