"""How parameters get better: Adam, Kalman filter, L-BFGS."""
