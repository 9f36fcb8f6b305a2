"""`python -m refsfi` is the command `refsfi`."""

from __future__ import annotations

import sys

from refsfi.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
