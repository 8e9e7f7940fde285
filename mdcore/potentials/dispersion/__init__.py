"""Dispersion: what density functionals lack, by numbers of neighbours; attraction as r^-6 with all its images."""
