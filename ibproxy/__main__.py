"""`python -m ibproxy script.py`: runs a script of ib_async or ib_insync, unchanged."""

import sys

from ibproxy_compat.launch import main

sys.exit(main())
