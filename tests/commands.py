"""Commands of mdcore, one after the other: python -m tests.commands '[["run", "argon.toml", "--quiet"], ...]'"""

import json
import sys

from mdcore.cli import main

for words in json.loads(sys.argv[1]):
    if code := main(words):
        sys.exit(code)
