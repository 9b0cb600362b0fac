# GPL-3.0-or-later (see LICENSE)
"""Join and leave of a worker host, decided without touching one: plain values in, checks, steps and verdicts out."""
