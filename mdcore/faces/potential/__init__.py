"""Types of [[potential]]: one a file."""
