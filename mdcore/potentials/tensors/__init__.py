"""Dipole moments and polarizabilities from networks: moments of neighbours, the model, its file, how it runs."""
