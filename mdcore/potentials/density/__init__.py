"""Density networks: densities of neighbours in spherical harmonics, their products, messages between atoms."""
