"""`ibproxy` with a guard switched off: python -m tests.chaos.proxy GUARD serve ..."""

from __future__ import annotations

import sys

from ibproxy_server.cli import main
from tests.chaos.guards import GUARDS

if __name__ == "__main__":
    GUARDS[sys.argv[1]].switch_off()
    sys.exit(main(sys.argv[2:]))
