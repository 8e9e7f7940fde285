"""Charges in periodic cells: sums over all images."""
