"""Tests of the repository itself: what must agree, does."""
