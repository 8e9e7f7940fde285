"""What every file may use: errors, files, exact sums, numbers, units, ranks, the terminal."""
