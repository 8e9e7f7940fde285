"""Ensembles of [[stage]]: one a file."""
