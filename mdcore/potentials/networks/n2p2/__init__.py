"""The files of n2p2 and RuNNer."""
