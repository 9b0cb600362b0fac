"""A small application in Mastodon's shape, on Debian's packages: see README.md."""
