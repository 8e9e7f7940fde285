"""Dispersion: attraction that falls as r^-6."""
