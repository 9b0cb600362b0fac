'use strict';

// Which Redis channels a stream's name stands for, and what a token must allow.
const PUBLIC = new Map([
  ['public', 'timeline:public'],
  ['public:local', 'timeline:public:local'],
  ['public:remote', 'timeline:public:remote'],
  ['public:media', 'timeline:public:media'],
  ['public:local:media', 'timeline:public:local:media'],
  ['public:remote:media', 'timeline:public:remote:media'],
]);

class RequestError extends Error {
  constructor(message, status = 400) {
    super(message);
    this.status = status;
  }
}

function requireScope(session, ...scopes) {
  if (!session.scopes.some((scope) => scopes.includes(scope))) throw new RequestError('Access token does not have the required scopes', 401);
}

function channelsFor(session, name, params = {}) {
  if (PUBLIC.has(name)) {
    requireScope(session, 'read', 'read:statuses');
    return [PUBLIC.get(name)];
  }
  switch (name) {
    case 'user':
      requireScope(session, 'read', 'read:statuses');
      return [`timeline:${session.accountId}`, `timeline:${session.accountId}:notifications`];
    case 'user:notification':
      requireScope(session, 'read', 'read:notifications');
      return [`timeline:${session.accountId}:notifications`];
    case 'direct':
      requireScope(session, 'read', 'read:statuses');
      return [`timeline:direct:${session.accountId}`];
    case 'hashtag':
      if (!params.tag) throw new RequestError('Missing tag name parameter');
      return [`timeline:hashtag:${params.tag.toLowerCase()}`];
    default:
      throw new RequestError('Unknown stream type');
  }
}

// Rails looks at these before it renders an update that nobody would see.
function flagsFor(channels) {
  return channels.filter((channel) => /^timeline:(direct:)?-?\d+$/.test(channel)).map((channel) => `subscribed:${channel}`);
}

// GET /api/v1/streaming/<path>, for clients that speak server-sent events.
function streamFromPath(path, query) {
  const media = query.get('only_media') === 'true';
  switch (path) {
    case '/api/v1/streaming/user': return 'user';
    case '/api/v1/streaming/user/notification': return 'user:notification';
    case '/api/v1/streaming/public': return media ? 'public:media' : 'public';
    case '/api/v1/streaming/public/local': return media ? 'public:local:media' : 'public:local';
    case '/api/v1/streaming/public/remote': return media ? 'public:remote:media' : 'public:remote';
    case '/api/v1/streaming/hashtag': return 'hashtag';
    case '/api/v1/streaming/direct': return 'direct';
    default: return null;
  }
}

module.exports = { RequestError, channelsFor, flagsFor, streamFromPath };
