# GPL-3.0-or-later (see LICENSE)
"""What the tunnels' modules do on a host: keys, files, `wg`, `ip`, systemd, probes. What to do is decided in _wire."""
