"""``python -m mdcore`` is the command ``mdcore``."""

import sys

from mdcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
