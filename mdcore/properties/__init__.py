"""What follows from energies and forces of relaxed structures?"""
