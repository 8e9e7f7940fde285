"""Networks of dipole moments and polarizabilities: their labels, their training, how good they are."""
