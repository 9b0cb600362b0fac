# GPL-3.0-or-later (see LICENSE)
"""The tunnels' core: who talks to whom, files, `wg` calls. Standard library only, no I/O, no clock, no randomness."""
