"""Types of [[explorer]]: one a file."""
