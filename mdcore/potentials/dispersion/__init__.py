"""Dispersion that density functionals lack, by numbers of neighbours."""
