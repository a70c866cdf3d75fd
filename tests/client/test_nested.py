"""Handlers that run the loop from inside, as in a notebook."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from ibproxy.wire.framing import join_fields

if TYPE_CHECKING:
    from tests.client.conftest import FakeProxy

# The handler asks, and waits for the answer, while hundreds of messages behind the present one
# are taken but not handed out yet.
NESTED = """
import sys
from ibproxy import *
if sys.argv[1] == "no reader":
    import asyncio
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, *_):
            raise NotImplementedError
    asyncio.set_event_loop(Loop())
util.patchAsyncio()
ib = IB()
numbers, answers = [], []
def on_error(req_id, code, text, contract):
    numbers.append(int(text))
    if int(text) in (0, 1000, 2999):
        answers.append(ib.reqMatchingSymbols(text))
ib.errorEvent += on_error
ib.connect(fetchFields=StartupFetchNONE)
ib.client.cancelMktData(77)
while len(numbers) < 3000 or len(answers) < 3:
    ib.sleep(0.01)
assert numbers == list(range(3000)), numbers
assert answers == [[], [], []]
ib.disconnect()
"""


@pytest.mark.parametrize("loop", ["plain", "no reader"])
@pytest.mark.parametrize("size", [1, 3000])
def test_blocking_call_in_a_handler(loop: str, size: int, proxy: FakeProxy) -> None:
    """A handler may block on a request; what came meanwhile is delivered once and in order."""
    child = subprocess.Popen(
        [sys.executable, "-c", NESTED, loop], stderr=subprocess.PIPE, text=True
    )
    proxy.wait_for(lambda: any(fields[0] == "2" for fields in proxy.requests))
    payloads = [join_fields(4, 2, -1, 2104, number, "") for number in range(3000)]
    for start in range(0, 3000, size):
        proxy.push(*payloads[start : start + size])
    _, errors = child.communicate(timeout=15)
    assert (child.returncode, errors) == (0, "")


CELLS = (
    "from ibproxy import *\nutil.startLoop()\nib = IB()",
    "ib.connect(fetchFields=StartupFetchNONE)\nfirst = ib.reqCurrentTime()",
    "second = await ib.reqCurrentTimeAsync()\nassert second > first",
    "ib.sleep(0.05)\nassert ib.isConnected()\nib.disconnect()",
    "ib.connect(fetchFields=StartupFetchNONE)\nassert ib.reqCurrentTime()\nib.disconnect()",
)


@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_jupyter(proxy: FakeProxy) -> None:
    """In a real kernel blocking and awaited calls work across cells."""
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]  # type: ignore[no-untyped-call]
    )
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        client = NotebookClient(notebook, timeout=20)
        loop.run_until_complete(client.async_execute())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert [hello.strategy for hello in proxy.hellos] == ["notebook", "notebook"]
