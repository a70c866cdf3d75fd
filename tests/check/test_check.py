"""Scripts of all kinds are judged without being run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ibproxy.seam import CONNECTION_MEMBERS
from ibproxy.wire.messages import REQUESTS, Carry
from ibproxy_server.check.limits import limits
from ibproxy_server.check.script import read_script
from ibproxy_server.check.sources import Source, read_source
from ibproxy_server.check.uses import Grade, all_titles, rows_for
from ibproxy_server.check.verdict import Outcome, Report, check
from ibproxy_server.cli import main
from ibproxy_server.core.kinds import Ports

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
HEAD = "from ib_async import *\nib = IB()\nib.connect('127.0.0.1', 7497, clientId=1)\n"


def judged(text: str, name: str = "trade.py", **settings: Any) -> Report:
    """Return the report on a script of this text."""
    return check(Source(Path(name), text, ()), **settings)


def titles(report: Report, grade: Grade) -> list[str]:
    """Return the titles of the rows that a report names."""
    return [each.title for each in report.findings if each.grade is grade]


PLAIN = """
ib.qualifyContracts(Stock('SPY', 'SMART', 'USD'))
ib.reqMarketDataType(3)
ticker = ib.reqMktData(contract, '', False, False)
ib.reqHistoricalData(contract, '', '1 D', '1 min', 'TRADES', True, keepUpToDate=True)
ib.placeOrder(contract, LimitOrder('BUY', 1, 2.0, ocaGroup='x'))
ib.cancelMktData(contract)
ib.positions(), ib.accountValues(), ib.reqCurrentTime(), ib.openTrades()
ib.client.getReqId(), ib.client.conn.numBytesSent
ib.sleep(1), util.df([])
ib.disconnect()
"""


def test_what_nearly_everybody_does_works_unchanged() -> None:
    """Nothing is remarked on a script that a gateway of its own could not tell apart."""
    report = judged(HEAD + PLAIN)
    assert report.outcome is Outcome.WORKS
    assert report.findings == []
    assert report.connects == ["line 3: port 7497 (paper), client id 1"]


@pytest.mark.parametrize(
    ("text", "outcome", "title"),
    [
        ("ib.reqGlobalCancel()", Outcome.DIFFERS, "`reqGlobalCancel`"),
        ("await ib.reqAllOpenOrdersAsync()", Outcome.DIFFERS, "`reqAllOpenOrders`"),
        ("ib.reqExecutions()", Outcome.DIFFERS, "`reqExecutions`"),
        ("ib.connect(clientId=0)", Outcome.DIFFERS, "by hand"),
        ("ib.connect(port=4001)", Outcome.DIFFERS, "Host and port"),
        ("ib.connect(port=4002 if x else 4001)", Outcome.DIFFERS, "Host and port"),
        ("import multiprocessing", Outcome.DIFFERS, "forked"),
        ("from concurrent.futures import ProcessPoolExecutor", Outcome.DIFFERS, "forked"),
        ("import os\nos.fork()", Outcome.DIFFERS, "forked"),
        ("ib.client.setConnectOptions('+PACEAPI')", Outcome.DIFFERS, "+PACEAPI"),
        ("ib.client.setServerLogLevel(5)", Outcome.DIFFERS, "`setServerLogLevel`"),
        ("ib.exerciseOptions(contract, 1, 1, '', 0)", Outcome.CHANGE, "`exerciseOptions`"),
        ("ib.replaceFA(1, xml)", Outcome.CHANGE, "`replaceFA`"),
        ("ib.client.conn.transport.write(b'')", Outcome.CHANGE, "`ib.client.conn`"),
        ("conn = ib.client.conn\nconn.transport", Outcome.CHANGE, "`ib.client.conn`"),
        ("ib.client.conn = Mine()", Outcome.CHANGE, "`ib.client.conn`"),
        ("watch(ib.client.conn)", Outcome.CHANGE, "`ib.client.conn`"),
        ("IBC(1019, gateway=True)", Outcome.DIFFERS, ""),
        ("ib.managedAccounts()", Outcome.WORKS, "`managedAccounts`"),
        ("ib.accountSummary()", Outcome.WORKS, "`reqAccountSummary`"),
        ("Order(faGroup='all')", Outcome.WORKS, "faGroup"),
    ],
)
def test_what_is_otherwise_is_named(text: str, outcome: Outcome, title: str) -> None:
    """The finding has the line, the row of the page that tells of it, and that row's text."""
    report = judged(HEAD + text)
    assert report.outcome is outcome
    assert any(title in each.title for each in report.findings), report.findings
    for finding in report.findings:
        assert f"line {3 + text.count(chr(10)) + 1}" in finding.places or text.startswith("import")
        assert not finding.title or finding.text == limits()[finding.title].behind


@pytest.mark.parametrize("name", CONNECTION_MEMBERS)
def test_members_of_the_seam_are_there(name: str) -> None:
    """What the library itself uses of its connection, a script may use as well."""
    assert judged(HEAD + f"ib.client.conn.{name}").outcome is Outcome.WORKS


def test_every_request_that_is_refused_needs_a_change() -> None:
    """The message table says which; nothing is left out."""
    refused = [row.name for row in REQUESTS if row.carry is Carry.REFUSED]
    assert refused
    for name in refused:
        assert judged(HEAD + f"ib.client.{name}()").outcome is Outcome.CHANGE, name


def test_every_row_that_is_named_is_on_the_page() -> None:
    """A title that is changed there has to be changed here."""
    assert all_titles() <= set(limits())
    assert len(limits()) > 50


def test_a_method_leads_to_the_rows_of_what_it_sends() -> None:
    """The way from method to request is that of the page on methods."""
    assert [limit.title for limit, _ in rows_for("accountSummaryAsync")] == ["`reqAccountSummary`"]
    assert rows_for("connect") == []
    assert rows_for("placeOrder") == []


IMPORTS = [
    ("from ib_async import *", "from ibproxy import *"),
    ("from ib_async import IB, Stock as S", "from ibproxy import IB, Stock as S"),
    ("import ib_async", "import ibproxy as ib_async"),
    ("import ib_async as iba", "import ibproxy as iba"),
    ("from ib_async.ib import IB", "from ibproxy.ib import IB"),
    ("from ib_async.ib import IB as Gateway", "from ibproxy.ib import IB as Gateway"),
]


@pytest.mark.parametrize(("old", "new"), IMPORTS)
def test_the_line_to_change_is_shown(old: str, new: str) -> None:
    """`ibproxy run` needs none; else the statement is shown as it is to be."""
    report = judged(f"'''doc'''\n{old}\n")
    assert report.outcome is Outcome.WORKS
    assert report.ways == [
        "ibproxy run trade.py, with nothing changed",
        f"or line 2: {new} (was: {old})",
    ]


@pytest.mark.parametrize(("_old", "new"), IMPORTS)
def test_the_line_that_is_shown_works(_old: str, new: str) -> None:
    """It brings a class that connects through the proxy."""
    names: dict[str, Any] = {}
    exec(new, names)
    found = [names.get(name) for name in ("IB", "Gateway")]
    found += [getattr(names.get(name), "IB", None) for name in ("ib_async", "iba")]
    assert [each.__name__ for each in found if each] == ["RemoteIB"]


def test_imports_that_bring_no_connection_may_stay() -> None:
    """Contracts and orders are the library's own objects in any case."""
    text = (
        "from ib_async import Stock\nfrom ib_async.contract import Option\nfrom ib_async import IB"
    )
    assert "line 1" not in judged(text).ways[1]
    assert "line 3: from ibproxy import IB" in judged(text).ways[1]


def test_other_modules_of_a_statement_are_kept() -> None:
    """What is shown to be replaced is the library's own part."""
    report = judged("import os, ib_async as iba, threading")
    assert report.ways[1] == "or line 1: import ibproxy as iba (was: import ib_async as iba)"


@pytest.mark.parametrize(
    "text",
    [
        "from ib_async.contract import Stock",
        "from ibapi.contract import Contract",
        "import ib_async.util",
    ],
)
def test_files_that_connect_nothing_stay(text: str) -> None:
    """They are part of a program whose other file is to be looked at."""
    report = judged(text)
    assert report.outcome is Outcome.WORKS
    assert report.ways == ["nothing to change here: the file that makes `IB` or `EClient` is"]
    assert report.findings == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_examples_work(path: Path) -> None:
    """They are written for the proxy, and use nothing that differs."""
    report = check(read_source(path))
    assert report.outcome is Outcome.WORKS
    assert report.ways == ["it is written for the proxy"]


def test_a_name_in_a_text_cannot_be_replaced() -> None:
    """A library that is imported dynamically needs `ibproxy run`."""
    report = judged("import importlib\nlib = importlib.import_module('ib_async')\nib = lib.IB()")
    assert report.libraries == ["ib_async"]
    assert report.ways == ["ibproxy run trade.py, with nothing changed"]


def test_ibapi_is_shown_a_door() -> None:
    """Its program changes the port that it connects to, and the line is named."""
    report = judged(
        "from ibapi.client import EClient\nfrom ibapi.wrapper import EWrapper\n"
        "class App(EWrapper, EClient):\n    def go(self):\n"
        "        self.connect('127.0.0.1', 7497, 3)\n"
        "app = App()\napp.connect('127.0.0.1', 7497, 3)\n"
    )
    assert report.outcome is Outcome.WORKS
    assert "--tcp 127.0.0.1:4101 --tcp-strategy trade" in report.ways[0]
    assert "line 5, line 7" in report.ways[0]
    assert len(report.connects) == 2


CONNECTS = [
    ("ib.connect()", "port 7497 (paper), client id 1"),
    ("ib.connect('localhost', 4001, 7)", "port 4001 (live), client id 7"),
    ("ib.connect(host='box', port=4002)", "host box, port 4002 (paper), client id 1"),
    ("ib.connect(port=5000)", "port 5000 (stands for nothing), client id 1"),
    ("PORT = 7496\nib.connect(port=PORT)", "port 7496 (live), client id 1"),
    ("ib.connect(port=cfg.port)", "port not in the script, client id 1"),
    ("ib.connect(**settings)", "port not in the script, client id not in the script"),
    ("ib.connect(clientId=random.randint(1, 9))", "port 7497 (paper), client id not in the script"),
    ("p.add_argument('--port', default=4002)\nib.connect(port=a.port)", "port 4002"),
    ("import os\nib.connect(port=int(os.getenv('P', '4002')))", "port 4002 (paper)"),
    ("def go(port=4001):\n    ib.connect(port=port)", "port 4001 (live)"),
    (
        "class A:\n    p = 4002\n    def go(self):\n        self.ib.connect(port=self.p)",
        "port 4002",
    ),
    ("p = 4001 if real else 4002\nib.connect(port=p)", "port 4001 (live) or 4002 (paper), client"),
    ("if real:\n    p = 4001\nelse:\n    p = q()\nib.connect(port=p)", "4001 (live) or not in the"),
    ("async def go():\n    await ib.connectAsync(port=4002)", "port 4002 (paper)"),
    ("with IB().connect(port=4002) as x:\n    pass", "port 4002 (paper)"),
    ("class Mine(IB): pass\nm = Mine()\nm.connect(port=4002)", "port 4002 (paper)"),
    (
        "def go():\n    m = Mine()\n    m.connect(port=4002)\nclass Mine(IB): pass",
        "port 4002 (paper)",
    ),
    (
        (
            "class A:\n    def __init__(self, port=4001):\n        self.port = port\n"
            "    def go(self):\n        self.ib.connect(port=self.port)"
        ),
        "port 4001 (live), client id 1",
    ),
    ("def go(gateway: IB):\n    gateway.connect(port=4002)", "port 4002 (paper)"),
    ("def go(x: 'IB | None'):\n    x.connect(port=4002)", "port 4002 (paper)"),
]


@pytest.mark.parametrize(("text", "said"), CONNECTS)
def test_where_it_connects_is_found(text: str, said: str) -> None:
    """Ports and ids are followed to where they are given, if that is one place."""
    report = judged("from ib_async import *\nib = IB()\n" + text)
    assert [said in each for each in report.connects] == [True]


def test_others_connect_too() -> None:
    """A database or a signal that is connected is no gateway."""
    script = read_script(
        HEAD
        + "self.client.connect()\ndb.connect('x')\nbutton.clicked.connect(go)\nsqlite3.connect('f')"
    )
    assert [each.line for each in script.connects] == [3]


def test_configured_ports_count() -> None:
    """A port that the configuration calls paper is shown as such."""
    report = judged(HEAD.replace("7497", "5002"), ports=Ports(paper=(5002,)))
    assert "5002 (paper)" in report.connects[0]


def test_what_only_has_a_name_like_it_is_no_socket() -> None:
    """A note is for scripts that use sockets."""
    text = "ib.sleep(1)\nx = create_connection('a.db')\nimport joblib\njoblib.load('m')\n"
    assert judged(HEAD + text).findings == []
    text = "import socket\nsocket.create_connection(('127.0.0.1', 7497))\n"
    [finding] = judged(HEAD + text).findings
    assert (finding.grade, finding.places) == (Grade.NOTE, ("line 5",))


def test_who_starts_gateways_is_not_shown_a_line_to_change() -> None:
    """Only `ibproxy run` keeps a script's gateway from being started."""
    report = judged("from ib_async import IB, IBC, Watchdog\nIBC(1019)")
    assert report.ways == ["ibproxy run trade.py, with nothing changed"]


def test_a_port_that_stands_for_nothing_is_remarked() -> None:
    """Nothing keeps such a script off a live account; by a door no port does."""
    [finding] = judged(HEAD + "ib.connect(port=4004)").findings[1:]
    assert (finding.what, finding.places) == ("port 4004", ("line 4",))
    assert "`paper_ports`" in finding.text
    known = Ports(paper=(7497, 4004))
    assert len(judged(HEAD + "ib.connect(port=4004)", ports=known).findings) == 1
    text = (
        "from ibapi.client import EClient\napp = EClient(None)\napp.connect('127.0.0.1', 7497, 1)"
    )
    assert 'expects = "paper"' in judged(text).findings[-1].text


def test_what_makes_no_difference_is_said_too() -> None:
    """Private members, threads, derived classes and several ids are what people wonder about."""
    report = judged(
        HEAD + "import threading\nclass B(IB): pass\nib.connect(clientId=2)\nib.client._reqIdSeq\n"
        "ib.wrapper._reqId2Contract\nself._mine"
    )
    assert report.outcome is Outcome.WORKS
    text = "\n".join(report.facts)
    for said in ("_reqIdSeq", "_reqId2Contract", "threads (line 4)", "derived", "1, 2"):
        assert said in text
    assert "_mine" not in text


@pytest.mark.parametrize("text", ["", "print(1)\nx.connect('y')", "import pandas\nq.cancel()"])
def test_what_is_no_script_for_a_gateway_is_left_alone(text: str) -> None:
    """It is said to be none."""
    assert judged(text).outcome is Outcome.OUTSIDE


@pytest.mark.parametrize("text", ["print 'x'", "def (", "a\0b", "(" * 500])
def test_what_is_not_python_is_said_to_be_so(text: str) -> None:
    """With the line; nothing raises."""
    report = judged(text)
    assert report.outcome is Outcome.UNREADABLE
    assert "line 1" in report.facts[0]


def notebook(*cells: str) -> str:
    """Return a notebook with these cells."""
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "text"}, *made]})


def test_a_notebook_is_read_cell_by_cell(tmp_path: Path) -> None:
    """Magics are passed over, and places are those that people see."""
    path = tmp_path / "look.ipynb"
    path.write_text(
        notebook(
            "%matplotlib inline\npip install ib_async\nfrom ib_async import *",
            "%%html\n<b>",
            "if True:\n    !pip list\nib = IB()\nib.connect?\nawait ib.connectAsync(port=7497)",
            "ib.reqGlobalCancel()",
        )
    )
    report = check(read_source(path))
    assert report.outcome is Outcome.DIFFERS
    assert report.ways[0] == "%load_ext ibproxy in the first cell"
    assert report.connects == ["cell 3, line 5: port 7497 (paper), client id 1"]
    assert report.findings[0].places == ("cell 4, line 1",)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.ipynb", b"[1]"), ("x.ipynb", b"\xff"), ("x.py", b"\xff"), ("x.py", b"# coding: nothing")],
)
def test_what_holds_something_else_does_not_end_the_others(
    tmp_path: Path, name: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one that cannot be read; the next file is judged."""
    broken, good = tmp_path / name, tmp_path / "good.py"
    broken.write_bytes(content)
    good.write_text(HEAD)
    assert main(["check", str(broken), str(good)]) == 1
    assert "1 works unchanged, 1 cannot be read" in capsys.readouterr().out


def test_other_encodings_and_warnings_are_no_matter(tmp_path: Path) -> None:
    """Python's own rule says what a file is written in; its warnings are not shown."""
    path = tmp_path / "old.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe9\\d'\n" + HEAD.encode())
    assert check(read_source(path)).outcome is Outcome.WORKS


def test_nothing_of_the_script_is_run(tmp_path: Path) -> None:
    """It is only read, also by the command."""
    path = tmp_path / "danger.py"
    path.write_text(HEAD + f"open({str(tmp_path / 'done')!r}, 'w')\nraise SystemExit(5)")
    assert main(["check", str(path)]) == 0
    assert not (tmp_path / "done").exists()


def test_the_command_shows_verdicts_and_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file with its findings, and how many were judged how; status 1 at a change."""
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(HEAD)
    bad.write_text(HEAD + "ib.exerciseOptions()\n")
    assert main(["check", str(good), str(bad)]) == 1
    shown = capsys.readouterr().out
    assert f"{good}: works unchanged (ib_async)" in shown
    assert f"{bad}: needs a change (ib_async)" in shown
    assert "change   line 4: `exerciseOptions`" in shown
    assert shown.endswith("2 files: 1 works unchanged, 1 needs a change\n")


def test_programs_get_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list with one object for each file."""
    path = tmp_path / "trade.py"
    path.write_text(HEAD + "ib.reqGlobalCancel()\n")
    assert main(["check", "--json", str(path)]) == 0
    [report] = json.loads(capsys.readouterr().out)
    assert report["outcome"] == "differs"
    assert report["libraries"] == ["ib_async"]
    [finding] = report["findings"]
    assert finding["grade"] == "differs"
    assert finding["places"] == ["line 4"]
    assert finding["title"] == "`reqGlobalCancel`"


def test_a_file_that_is_not_there_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and one line."""
    assert main(["check", str(tmp_path / "none.py")]) == 2
    assert "none.py" in capsys.readouterr().err
