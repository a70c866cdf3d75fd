"""What a script does that matters behind a proxy, read from its syntax alone."""

from __future__ import annotations

import ast
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from ibproxy_server.check.constants import Constants, Value

CLASSES: Final = {"ib_async": "IB", "ib_insync": "IB", "ibproxy": "IB", "ibapi": "EClient"}
"""Library -> what connects."""

LIBRARIES: Final = tuple(CLASSES)
PROCESSES: Final = {"multiprocessing", "ProcessPoolExecutor", "fork"}
THREADS: Final = {"threading", "ThreadPoolExecutor", "to_thread", "run_in_executor"}
STARTERS: Final = ("IBC", "IBController")
"""What starts a gateway."""

_INNER: Final = {"", "ib", "client"}
"""Modules of a library that have what connects."""

_DEFAULTS: Final[dict[str, Value]] = {"host": "127.0.0.1", "port": 7497, "clientId": 1}
_CLIENT_ID_NAMES: Final = {"clientId", "client_id", "clientid"}
_LOOKS_LIKE_IB: Final = re.compile(r"(^|_)ib(kr)?(_|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Import:
    """A statement that imports from a library.

    Attributes:
        line: where it stands.
        package: which one.
        text: the statement; without what else an `import` brings.
        brings: whether it brings what connects: `IB`, `EClient`, or all there is.
        through_proxy: what to write in its place; empty if it may stay.
    """

    line: int
    package: str
    text: str
    brings: bool
    through_proxy: str


@dataclass(frozen=True)
class Connect:
    """A call that connects: what may be given; what does not stand in the script is None."""

    line: int
    hosts: tuple[Value, ...]
    ports: tuple[Value, ...]
    client_ids: tuple[Value, ...]


@dataclass
class Script:
    """What a script does.

    Attributes:
        imports: what it imports of the libraries.
        dynamic: lines that import a library by its name as a text.
        connects: its calls that connect.
        members: names of attributes and of keyword arguments -> lines.
        names: other names that it uses -> lines.
        private: private members of the library's objects -> lines.
        connection: members of `ib.client.conn` -> lines; "" if it is handed on or replaced.
        threads: lines that make threads.
        processes: lines that make processes of Python.
        derives: whether it derives a class from IB or EClient.
    """

    imports: list[Import] = field(default_factory=list)
    dynamic: dict[int, str] = field(default_factory=dict)
    connects: list[Connect] = field(default_factory=list)
    members: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    private: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    connection: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    threads: list[int] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)
    derives: bool = False

    @property
    def libraries(self) -> list[str]:
        """The libraries that it imports, the first one first."""
        found = [each.package for each in self.imports] + list(self.dynamic.values())
        return list(dict.fromkeys(found))

    @property
    def connecting(self) -> set[str]:
        """The libraries whose `IB` or `EClient` it has in hand."""
        return {each.package for each in self.imports if each.brings} | {*self.dynamic.values()}

    def lines(self, name: str) -> list[int]:
        """Return where a name is used in any way."""
        return sorted({*self.members.get(name, ()), *self.names.get(name, ())})


def read_script(text: str) -> Script:
    """Return what a script does.

    Raises:
        SyntaxError: it is not Python of this version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d" in a text, say: it is not ours to complain
        tree = ast.parse(text)
    return _Reader(tree).script


class _Reader:
    """Walks over the syntax several times: names are often used above what gives them."""

    def __init__(self, tree: ast.Module) -> None:
        self.script = Script()
        self._constants = Constants(tree)
        self._classes: set[str] = set()
        self._modules: set[str] = set()
        self._objects: set[str] = set()
        self._connections: set[str] = set()
        self._nodes = sorted(
            (node for node in ast.walk(tree) if hasattr(node, "lineno")),
            key=lambda node: getattr(node, "lineno", 0),
        )
        for node in self._nodes:
            self._imported(node)
        for _ in range(2):  # a class may be derived from one that is derived
            for node in self._nodes:
                self._bound(node)
        self._parents = {
            id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        for node in self._nodes:
            self._used(node)

    def _imported(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    library = alias.name.partition(".")[0]
                    if library in LIBRARIES:
                        self._modules.add(alias.asname or alias.name)
                        brings = alias.name.partition(".")[2] in _INNER
                        instead = _module_import(alias, library)
                        alone = ast.Import(names=[alias], lineno=node.lineno)
                        self._add_import(alone, library, brings, instead)
                    self._concurrency(alias.name.partition(".")[0], node.lineno)
            case ast.ImportFrom(module=str(module), level=0):
                self._imported_from(node, module)
            case ast.Call(args=[ast.Constant(value=str(name)), *_], func=function):
                called = ast.unparse(function).rpartition(".")[2]
                library = name.partition(".")[0]
                if called in {"import_module", "__import__"} and library in LIBRARIES:
                    self.script.dynamic[node.lineno] = library

    def _imported_from(self, node: ast.ImportFrom, module: str) -> None:
        library, _, inner = module.partition(".")
        for name in (library, *(alias.name for alias in node.names)):
            self._concurrency(name, node.lineno)
        if library not in LIBRARIES:
            return
        own = CLASSES[library]
        instead = ""
        brings = inner in _INNER and bool({each.name for each in node.names} & {own, "*", "ib"})
        if brings and inner != "client":
            names = ", ".join(map(ast.unparse, node.names))
            instead = f"from ibproxy{module[len(library) :]} import {names}"
        self._add_import(node, library, brings, instead)
        self._classes |= {each.asname or each.name for each in node.names if each.name == own}
        if any(each.name == "*" for each in node.names):
            self._classes.add(own)

    def _add_import(
        self, node: ast.Import | ast.ImportFrom, library: str, brings: bool, instead: str
    ) -> None:
        found = Import(node.lineno, library, ast.unparse(node), brings, instead)
        self.script.imports.append(found)

    def _concurrency(self, name: str, line: int) -> None:
        if name in PROCESSES:
            self.script.processes.append(line)
        elif name in THREADS:
            self.script.threads.append(line)

    def _bound(self, node: ast.AST) -> None:
        """Which names stand for classes, objects and connections of the library."""
        match node:
            case ast.ClassDef(bases=bases, name=name) if any(map(self._is_class, bases)):
                self._classes.add(name)
                self.script.derives = True
            case ast.Assign(targets=[target], value=ast.Attribute(attr="conn") as value) if _chain(
                value
            ).endswith("client.conn"):
                self._connections.add(ast.unparse(target))
            case ast.Assign(targets=targets, value=value) if self._makes_ib(value):
                self._objects |= {ast.unparse(target) for target in targets}
            case ast.AnnAssign(target=target, annotation=kind, value=value):
                if self._names_class(kind) or (value and self._makes_ib(value)):
                    self._objects.add(ast.unparse(target))
            case ast.arg(arg=name, annotation=ast.expr() as kind) if self._names_class(kind):
                self._objects.add(name)
            case ast.With(items=items):
                self._objects |= {
                    ast.unparse(item.optional_vars)
                    for item in items
                    if item.optional_vars and self._makes_ib(item.context_expr)
                }

    def _is_class(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._classes
            case ast.Attribute(attr=name):
                chain = _chain(node)
                return any(
                    chain in {f"{module}.{own}", f"{module}.ib.{own}", f"{module}.client.{own}"}
                    for module in self._modules
                    for own in CLASSES.values()
                ) or (name in self._classes and chain.startswith("self."))
        return False

    def _names_class(self, annotation: ast.expr) -> bool:
        text = annotation.value if isinstance(annotation, ast.Constant) else ""
        return any(
            isinstance(each, ast.expr) and self._is_class(each) for each in ast.walk(annotation)
        ) or (isinstance(text, str) and bool(set(re.findall(r"\w+", text)) & self._classes))

    def _makes_ib(self, value: ast.expr) -> bool:
        return any(
            isinstance(each, ast.Call) and self._is_class(each.func) for each in ast.walk(value)
        )

    def _used(self, node: ast.AST) -> None:
        script = self.script
        match node:
            case ast.Name(id=name):
                script.names[name].append(node.lineno)
            case ast.Attribute(attr=name):
                script.members[name].append(node.lineno)
                self._concurrency(name, node.lineno)
                self._member(node)
            case ast.keyword(arg=str(name)):
                script.members[name].append(node.lineno)
            case ast.ImportFrom(names=names):
                for alias in names:
                    script.names[alias.name].append(node.lineno)
            case ast.Call():
                self._call(node)

    def _member(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        owner, _, name = chain.rpartition(".")
        if owner.endswith("client.conn") or owner in self._connections:
            self.script.connection[name].append(node.lineno)
        elif chain.endswith("client.conn") and not self._goes_on(node):
            self.script.connection[""].append(node.lineno)
        if name.startswith("_") and not name.startswith("__") and self._is_inside(owner):
            self.script.private[chain].append(node.lineno)

    def _is_inside(self, owner: str) -> bool:
        """Whether it is an `IB`, its client or its wrapper."""
        outer, _, name = owner.rpartition(".")
        ib = outer if name in {"client", "wrapper"} else owner
        is_ib = ib in self._objects or bool(_LOOKS_LIKE_IB.search(ib.rpartition(".")[2]))
        return is_ib and owner != "self"

    def _goes_on(self, node: ast.Attribute) -> bool:
        """Whether a member of it is taken, here or under another name."""
        parent = self._parents.get(id(node))
        if isinstance(parent, ast.Assign):
            return parent.value is node and len(parent.targets) == 1
        return isinstance(parent, ast.Attribute)

    def _call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Attribute):
            return
        if node.func.attr in {"connect", "connectAsync"} and self._is_ib(node):
            given: dict[str, ast.expr] = dict(zip(_DEFAULTS, node.args, strict=False))
            for keyword in node.keywords:
                name = "clientId" if keyword.arg in _CLIENT_ID_NAMES else keyword.arg
                if name in _DEFAULTS:
                    given[name] = keyword.value
            is_open = any(keyword.arg is None for keyword in node.keywords) or any(
                isinstance(argument, ast.Starred) for argument in node.args
            )
            values = [
                self._constants.values(given[name])
                if name in given
                else (None if is_open else default,)
                for name, default in _DEFAULTS.items()
            ]
            self.script.connects.append(Connect(node.lineno, *values))

    def _is_ib(self, node: ast.Call) -> bool:
        """Whether what is connected is an `IB`, as far as can be told."""
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - the caller has looked
        receiver = node.func.value
        name = ast.unparse(receiver)
        if name in self._objects or any(
            keyword.arg in _CLIENT_ID_NAMES for keyword in node.keywords
        ):
            return True
        if isinstance(receiver, ast.Call):
            return self._is_class(receiver.func)
        if name in {"self", "super()"}:
            return self.script.derives
        is_ours = bool(self.script.imports or self.script.dynamic)
        return is_ours and bool(_LOOKS_LIKE_IB.search(name.rpartition(".")[2]))


def _chain(node: ast.expr) -> str:
    """Return `a.b.c` of an attribute, whatever it begins with."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def _module_import(alias: ast.alias, library: str) -> str:
    """Return the import that brings the same names through the proxy; empty if it may stay."""
    inner = alias.name.partition(".")[2]
    if inner not in _INNER - {"client"}:
        return ""
    proxied = "ibproxy" + alias.name[len(library) :]
    if alias.asname or not inner:
        return f"import {proxied} as {alias.asname or library}"
    return ""
