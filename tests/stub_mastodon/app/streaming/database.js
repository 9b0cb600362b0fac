'use strict';

const pg = require('pg');

// Not libpq's modes: nothing or "disable" is no TLS, "no-verify" is TLS unchecked, and everything else,
// "prefer" and "require" included, is TLS with a certificate that must be right.
function sslFor(mode) {
  switch (mode) {
    case undefined:
    case '':
    case 'disable':
      return false;
    case 'no-verify':
      return { rejectUnauthorized: false };
    default:
      return { rejectUnauthorized: true };
  }
}

function config(env) {
  const max = env.DB_POOL ? Number.parseInt(env.DB_POOL, 10) : 10;
  if (Number.isNaN(max)) throw new Error(`Invalid DB_POOL environment variable: ${env.DB_POOL}`);
  const common = { max, connectionTimeoutMillis: 15000, application_name: '', ssl: sslFor(env.DB_SSLMODE) };
  if (env.DATABASE_URL) return { ...common, connectionString: env.DATABASE_URL };
  const port = env.DB_PORT ? Number.parseInt(env.DB_PORT, 10) : 5432;
  if (Number.isNaN(port)) throw new Error(`Invalid DB_PORT environment variable: ${env.DB_PORT}`);
  return {
    ...common, port,
    user: env.DB_USER || 'mastodon',
    password: env.DB_PASS || undefined,
    database: env.DB_NAME || 'mastodon_production',
    host: env.DB_HOST || 'localhost',
  };
}

function createPool(env, logger) {
  const pool = new pg.Pool(config(env));
  pool.on('error', (error) => logger.error(`idle database connection: ${error.message}`));
  return pool;
}

const FIND_TOKEN = `SELECT oauth_access_tokens.id, oauth_access_tokens.scopes, users.id AS user_id, users.account_id
  FROM oauth_access_tokens INNER JOIN users ON oauth_access_tokens.resource_owner_id = users.id
  WHERE oauth_access_tokens.token = $1 AND oauth_access_tokens.revoked_at IS NULL AND users.disabled IS FALSE LIMIT 1`;

async function accountFromToken(pool, token) {
  const result = await pool.query(FIND_TOKEN, [token]);
  if (result.rows.length === 0) return null;
  const [row] = result.rows;
  return { tokenId: row.id, accountId: row.account_id, scopes: (row.scopes || '').split(' ') };
}

module.exports = { createPool, accountFromToken, config, sslFor };
