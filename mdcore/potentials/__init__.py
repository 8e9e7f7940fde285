"""Where do the forces come from? One file a potential, and their file formats."""
