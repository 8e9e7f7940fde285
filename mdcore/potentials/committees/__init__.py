"""Potentials that listen to each member of a committee."""
