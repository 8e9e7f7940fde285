"""Potentials of more than pairs, one file each."""
