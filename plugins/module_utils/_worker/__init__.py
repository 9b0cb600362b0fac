# GPL-3.0-or-later (see LICENSE)
"""What `_join` decides, done: protocols, files, units and servers of a worker's join and leave."""
