"""Oracles that an input can name, one file a type."""
