# GNU General Public License v3.0 or later (see LICENSE)
"""Asks a running installation. Standard library only; what decides is pure, what talks is small."""
