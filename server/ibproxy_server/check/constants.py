"""Values that stand in a script: what a name may be given."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence

Value = str | int | None

_WRAPPERS = {"int", "str", "float"}
_ENVIRONMENT = {"getenv", "get"}
_DEPTH = 4
"""A name for a name for a name: further it is not followed."""


class Constants:
    """What names are given in a script."""

    def __init__(self, tree: ast.AST) -> None:
        self._given: dict[str, list[ast.expr]] = defaultdict(list)
        for node in ast.walk(tree):
            self._collect(node)

    def values(self, node: ast.expr) -> tuple[Value, ...]:
        """Return what an expression may be; None is for what does not stand in the script.

        A default, of an argument or of an environment variable, counts.
        """
        found = set(self._values(node, _DEPTH))
        return tuple(sorted(found, key=lambda each: (each is None, str(each))))

    def _values(self, node: ast.expr, depth: int) -> Iterator[Value]:
        match node:
            case ast.Constant(value=str() | int() as found):
                yield found
            case ast.Name() | ast.Attribute() if depth:
                given = self._given.get(ast.unparse(node).rpartition(".")[2], [])
                for each in given:
                    yield from self._values(each, depth - 1)
                if not given:
                    yield None
            case ast.IfExp():
                yield from self._values(node.body, depth)
                yield from self._values(node.orelse, depth)
            case ast.Call(func=ast.Name(id=name), args=[inner]) if name in _WRAPPERS:
                for value in self._values(inner, depth):
                    is_number = isinstance(value, str) and value.isdecimal()
                    yield int(value or 0) if is_number else value
            case ast.Call(args=[_, default], func=ast.Attribute(attr=name) | ast.Name(id=name)) if (
                name in _ENVIRONMENT
            ):
                yield from self._values(default, depth)
            case _:
                yield None

    def _collect(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._give(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._give(target, value)
            case ast.arguments():
                plain = node.posonlyargs + node.args
                self._arguments(plain[len(plain) - len(node.defaults) :], node.defaults)
                self._arguments(node.kwonlyargs, node.kw_defaults)
            case ast.Call(
                func=ast.Attribute(attr="add_argument"), args=[*_, ast.Constant() as name]
            ):
                for keyword in node.keywords:
                    if keyword.arg == "default" and isinstance(name.value, str):
                        self._given[name.value.lstrip("-").replace("-", "_")].append(keyword.value)

    def _arguments(self, names: list[ast.arg], defaults: Sequence[ast.expr | None]) -> None:
        for argument, default in zip(names, defaults, strict=True):
            if default is not None:
                self._given[argument.arg].append(default)

    def _give(self, target: ast.expr, value: ast.expr) -> None:
        """`self.port = port` with a default for `port` gives nothing new."""
        if isinstance(target, ast.Name | ast.Attribute):
            name = ast.unparse(target).rpartition(".")[2]
            if ast.unparse(value).rpartition(".")[2] != name:
                self._given[name].append(value)
