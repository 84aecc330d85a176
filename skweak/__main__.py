"""Commands: ``python -m skweak audit``."""

import sys

from skweak.audit.cli import main

if __name__ == "__main__":
    sys.exit(main())
