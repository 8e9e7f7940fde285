"""Does any input, however broken, get more than one clear message out of mdcore?  `python -m tests.fuzz --help`"""
