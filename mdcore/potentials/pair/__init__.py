"""Formulas of the distance, one file each."""
