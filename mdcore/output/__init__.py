"""What a run leaves: results, checkpoints, and what the screen shows of it."""
