# GPL-3.0-or-later (see LICENSE)
"""What every host needs, decided without touching it: kernel settings, services, the clock."""
