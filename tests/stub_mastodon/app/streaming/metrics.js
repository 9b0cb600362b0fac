'use strict';

// Plain Prometheus text. The names carry no prefix of ours, as on the real thing.
function createMetrics(pool, state) {
  const counters = { redis_messages_received_total: 0, messages_sent_total: { websocket: 0, eventsource: 0 } };

  function render() {
    const usage = process.memoryUsage();
    const lines = [
      '# TYPE connected_clients gauge',
      ...Object.entries(state.clients).map(([type, count]) => `connected_clients{type="${type}"} ${count}`),
      '# TYPE connected_channels gauge',
      ...[...state.channels].map(([key, count]) => { const [type, channel] = key.split('|'); return `connected_channels{type="${type}",channel="${channel}"} ${count}`; }),
      '# TYPE redis_subscriptions gauge', `redis_subscriptions ${state.subscriptions.size}`,
      '# TYPE redis_messages_received_total counter', `redis_messages_received_total ${counters.redis_messages_received_total}`,
      '# TYPE messages_sent_total counter',
      ...Object.entries(counters.messages_sent_total).map(([type, count]) => `messages_sent_total{type="${type}"} ${count}`),
      '# TYPE pg_pool_total_connections gauge', `pg_pool_total_connections ${pool.totalCount}`,
      '# TYPE pg_pool_idle_connections gauge', `pg_pool_idle_connections ${pool.idleCount}`,
      '# TYPE pg_pool_waiting_queries gauge', `pg_pool_waiting_queries ${pool.waitingCount}`,
      '# TYPE process_resident_memory_bytes gauge', `process_resident_memory_bytes ${usage.rss}`,
      '# TYPE process_cpu_seconds_total counter', `process_cpu_seconds_total ${process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6}`,
    ];
    return `${lines.join('\n')}\n`;
  }

  return { counters, render };
}

module.exports = { createMetrics };
