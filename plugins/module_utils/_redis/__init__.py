# GPL-3.0-or-later (see LICENSE)
"""Redis instances: configuration files, what differs from the running server, and the protocol to ask it."""
