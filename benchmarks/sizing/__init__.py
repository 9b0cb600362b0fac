# GPL-3.0-or-later (see LICENSE)
"""The plan against everybody else's numbers, on real Sidekiq, Redis, PgBouncer and PostgreSQL.

`python3 -m benchmarks.sizing` brings one lab host up, deploys the stand-in application with the collection, stops the
collection's workers and starts others in their place, the same way, in one slice: the plan's, Mastodon's, other
projects', the published articles', and a sweep. Results: docs/benchmarks/sizing.json, .md and .svg.
"""
