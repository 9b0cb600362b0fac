# GPL-3.0-or-later (see LICENSE)
"""What runs on the lab host: starts Sidekiq processes, feeds them jobs and watches. Standard library only.

The controller copies it there together with `resp.py` and `dotenv.py` of `_verify` and speaks to it over its standard
input and output: one JSON order per line, one JSON answer per line.
"""
