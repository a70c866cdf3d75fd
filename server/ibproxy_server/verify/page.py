"""The table of assumptions as a page of the documentation.

`python -m ibproxy_server.verify.page > docs/assumptions.md` writes it again.
"""

from __future__ import annotations

import sys

from ibproxy_server.verify.assumption import Assumption
from ibproxy_server.verify.table import ASSUMPTIONS

HEAD = """\
# What the proxy takes for granted

Nobody who wrote ibproxy could ask a real gateway. So each thing that it takes for granted about
one has a number, which code cites, a source, a degree of confidence, and, where that does no harm,
a check that you can run against your own gateway:

    ibproxy verify --gateway 127.0.0.1:4002

Each assumption then *holds*, *does not hold* (with what was seen), or *cannot be checked here*
(with the reason). With `--allow-orders` it also places orders: of one share, on a paper account
only, 20 % below the last close, cancelled at once. Their order reference names the check. The exit
status is 0 if none fails and 1 if one does. Please report what does not hold.

Beside a proxy that is running on the same gateway, what is about the account slot may not be
checked: the proxy has it. With `--server-version` the gateway is asked for another version than
176, which is what the proxy asks for.

This page is written by the program; a test compares the two.

| fact | assumption | source | confidence | check |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(map(_line, ASSUMPTIONS))


def _line(row: Assumption) -> str:
    if row.check:
        check = f"`{row.check.__name__}`" + (" (orders)" if row.orders else "")
    else:
        check = f"none: {row.why_not}"
    cells = (row.fact, row.sentence, row.source, row.confidence.value, check)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
