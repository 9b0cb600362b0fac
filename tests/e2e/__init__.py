"""A client of the whole installation, and the outside world around it: what layout tests and the demo use."""
