"""Count the rooms of both packages, the arrows between them, and the circles; of the checkout or of any revision.

Run with ``python -m benchmarks.structure [REVISION ...]``: a row for each revision, then one for the checkout.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGES = ("sam3_contract", "mock_server")
COLUMNS = ("revision", "files", "lines", "rooms", "in the largest", "arrows of rooms", "circles of modules")
Graph = Mapping[str, set[str]]


def sources_of(revision: str | None) -> dict[str, str]:
    """Every module by its dotted name, as text."""
    if revision is None:
        files = {str(path): path.read_text("utf-8") for package in PACKAGES for path in Path(package).rglob("*.py")}
    else:
        command = ["git", "archive", revision, *PACKAGES]
        packed = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - a revision of ours
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            files = {
                member.name: file.read().decode()
                for member in archive
                if member.name.endswith(".py") and (file := archive.extractfile(member))
            }
    return {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): text for name, text in files.items()}


def imports_of(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Which module imports which, at any depth of the code; a name of a package's facade counts as the package."""
    found: dict[str, set[str]] = {}
    for module, text in sources.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= (inner & sources.keys()) or {node.module}
        found[module] = (names & sources.keys()) - {module}
    return found


def circles_of(graph: Graph) -> Iterator[set[str]]:
    """Groups of modules that import each other, directly or by way of others."""
    reached = {start: _reached(graph, start) for start in graph}
    seen: set[str] = set()
    for module in graph:
        circle = {other for other in reached[module] if module in reached[other]}
        if circle and module not in seen:
            seen |= circle
            yield circle


def _reached(graph: Graph, start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += graph[module]
    return reached


def row(revision: str | None) -> tuple[str, ...]:
    """Count a revision, or the checkout."""
    sources = sources_of(revision)
    graph = imports_of(sources)
    packages = {module.rpartition(".")[0] for module in sources}
    room_of = {module: module if module in packages else module.rpartition(".")[0] for module in sources}
    sizes = Counter(room_of[module] for module in sources if module not in packages)
    arrows = {(room_of[one], room_of[other]) for one in graph for other in graph[one] if room_of[one] != room_of[other]}
    largest, size = sizes.most_common(1)[0]
    lines = sum(text.count("\n") for text in sources.values())
    counts = (len(sources), lines, len(sizes), f"{size} ({largest})", len(arrows), len(list(circles_of(graph))))
    return (revision or "checkout", *map(str, counts))


def main() -> None:
    """Print the table."""
    table = [COLUMNS, *(row(revision) for revision in [*sys.argv[1:], None])]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
