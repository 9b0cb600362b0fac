# GPL-3.0-or-later (see LICENSE)
"""The planning core: an inventory in, a plan out. Standard library only, no I/O, no clock, no randomness.

Begins in `build`. Nothing is imported here: a module that needs one small part would carry all of it to each host.
"""
