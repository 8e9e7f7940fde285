"""What acts on atoms from outside, or on atoms that are named: forces, fields, walls, restraints, one a file."""
