"""``python -m kvsplice_core`` is the ``kvsplice`` command."""

import sys

from kvsplice_core.cli import main

sys.exit(main())
