"""What is done about what potentials find."""
