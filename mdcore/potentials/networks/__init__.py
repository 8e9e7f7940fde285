"""Network potentials: the model, its files, its kernels' plan, and what it does not know."""
