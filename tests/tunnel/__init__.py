"""Traffic through tunnels, and what crosses the wire beside them."""
