"""`python -m airegistry`, the same as `airegistry`."""

import sys

from airegistry.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
