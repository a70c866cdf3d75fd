"""`python -m ibproxy_server` is the command `ibproxy`."""

import sys

from ibproxy_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
