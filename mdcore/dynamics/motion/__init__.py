"""How atoms and the cell move: propagators, thermostats, barostats, one a file."""
