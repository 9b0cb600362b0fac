# GPL-3.0-or-later (see LICENSE)
"""PostgreSQL on Debian's cluster tools, decided without touching it."""
