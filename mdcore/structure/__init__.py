"""What is simulated: cell, atoms, crystals, velocities, and files of them."""
