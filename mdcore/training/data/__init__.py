"""Labelled structures: which labels, from which files, dealt into which sets."""
