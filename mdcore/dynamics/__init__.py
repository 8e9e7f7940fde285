"""What moves: the time-step loop, its integrators, and what it tells."""
