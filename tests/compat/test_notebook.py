"""`%load_ext ibproxy` in a notebook whose cells know nothing of it."""

from __future__ import annotations

import sys
from types import ModuleType

import nbformat
import pytest
from IPython.core.error import UsageError
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ibproxy_compat import is_installed
from ibproxy_compat.notebook import load
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import Stage

IMPORT = "from LIBRARY import *\nutil.startLoop()\nib = IB()"
ASK = "[row] = ib.reqContractDetails(Stock('SPY', 'SMART', 'USD'))\nprint(row.contract.conId)"
KIND = "print(type(ib.client.conn).__name__)"


LIBRARIES = pytest.mark.parametrize("library", ["ib_async", "ib_insync"])


@pytest.fixture
def import_cell(library: str, request: pytest.FixtureRequest) -> str:
    """The cell that imports a library, which is there."""
    if library == "ib_insync":
        request.getfixturevalue("insync")
    return IMPORT.replace("LIBRARY", library)


def play(stage: Stage, monkeypatch: pytest.MonkeyPatch, *cells: str) -> list[str]:
    """Run cells; return what each printed, or how the one that failed ended."""
    for key, value in stage.environment.items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    )
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": stage.folder}})
    failure: list[str] = []
    try:
        client.execute()
    except CellExecutionError as error:
        failure = [str(error)]
    texts = [
        "".join(each.get("text", "") for each in cell.outputs).strip() for cell in notebook.cells
    ]
    return texts + failure


@LIBRARIES
@pytest.mark.filterwarnings("default")  # of the notebook's own libraries
def test_cells_go_through_the_proxy(
    import_cell: str, stage: Stage, proxy: ThreadedProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaded first, or after the import, or after a session that has been ended."""
    connect = "ib.connect('127.0.0.1', 4002, clientId=4)"
    other = "again = IB()\nagain.connect(clientId=5)\nagain.disconnect()"
    cells = ["%load_ext ibproxy", import_cell, connect, ASK, KIND, "ib.disconnect()", other]
    cells += ["%unload_ext ibproxy", "ib = IB()", KIND, "%load_ext ibproxy", KIND]
    found = play(stage, monkeypatch, *cells)
    assert [found[3], found[4], found[9], found[11]] == ["756733", "Link", "Connection", "Link"]
    assert proxy.status()["sessions"] == []


@LIBRARIES
@pytest.mark.filterwarnings("default")
def test_a_cell_has_connected_before(
    import_cell: str,
    library: str,
    stage: Stage,
    sim: ThreadedSim,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message says what is connected and what to do, without a traceback."""
    connect = f"ib.connect('{sim.host}', {sim.port}, clientId=4)"
    *_, failure = play(stage, monkeypatch, import_cell, connect, "%load_ext ibproxy")
    assert f"an IB of {library} is connected to a gateway directly already ({sim.host}:" in failure
    assert "disconnect it first" in failure
    assert "patches.py" not in failure


def test_a_library_that_is_built_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not loaded, and the message says what was not found."""
    module = ModuleType("ib_insync")
    monkeypatch.setitem(sys.modules, "ib_insync", module)
    with pytest.raises(UsageError, match=r"ibproxy is not loaded: ib_insync .* IB, IBC, Client"):
        load(None)
    assert not is_installed()
