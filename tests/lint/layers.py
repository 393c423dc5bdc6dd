#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py ROOT: checks every #include of proto/, probe/ and collector/ against layers.txt and headers.txt."""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
FOLDERS = ("proto", "probe", "collector")
LOG = "proto/log"
CLOCK = "proto/clock"


def data_rows(path):
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words


def module_of(path):
    return f"{path.parent.name}/{path.stem}"


class Layers:
    def __init__(self):
        rows = list(data_rows(HERE / "layers.txt"))
        self.layer = {words[0]: int(words[1]) for words in rows}
        self.beside = {words[0]: set(words[2:]) for words in rows}

    def cycle(self):
        """Within a layer only: a lower layer cannot reach back up."""
        done = set()

        def visit(module, path):
            if module in path:
                return path[path.index(module):] + [module]
            if module in done:
                return None
            for other in self.beside.get(module, ()):
                if found := visit(other, path + [module]):
                    return found
            done.add(module)
            return None

        return next((found for module in self.layer if (found := visit(module, []))), None)

    def why_not(self, module, other):
        """None where module may include other."""
        mine, its = self.layer[module], self.layer[other]
        if other == module:
            return None
        if other == LOG:
            return None if mine >= 3 else "only layers 3 and 4 log"
        if other == CLOCK:
            return "pure logic is given the time" if mine == 1 else None
        if other.split("/")[0] not in ("proto", module.split("/")[0]):
            return "a program's files include their own and proto/"
        if its > mine:
            return f"layer {mine} may not use layer {its}"
        if its == mine and other not in self.beside[module]:
            return f"both are in layer {mine}, and its row does not name it"
        return None


def find_module(name, path, modules):
    """As the compiler looks: beside the file first, then -Iproto -Iprobe -Icollector."""
    tried = (f"{folder}/{Path(name).stem}" for folder in (path.parent.name, *FOLDERS))
    return next((module for module in tried if module in modules), None)


def header_owner(name, owners):
    for prefix, owner in owners:
        if name == prefix or (prefix.endswith("/") and name.startswith(prefix)):
            return owner
    return None


def check_include(layers, owners, path, name, is_own):
    module, file = module_of(path), f"{path.parent.name}/{path.name}"
    owner = header_owner(name, owners)
    if owner == "libc":
        return None
    if owner:
        return None if file in owner.split(",") else f"{name} belongs to {owner} alone"
    if not is_own:
        return f"<{name}> has no row in headers.txt"
    other = find_module(name, path, layers.layer)
    return layers.why_not(module, other) if other else f'"{name}" has no row in layers.txt'


def check(root):
    layers = Layers()
    owners = [(prefix, words[-1]) for words in data_rows(HERE / "headers.txt") for prefix in words[:-1]]
    if found := layers.cycle():
        yield f"layers.txt: a cycle: {' -> '.join(found)}"
    seen = set()
    for path in sorted(p for folder in FOLDERS for p in (root / folder).glob("*.[ch]")):
        seen.add(module_of(path))
        if module_of(path) not in layers.layer:
            yield f"{path}: no row in layers.txt"
            continue
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            why = check_include(layers, owners, path, match[2], match[1] == '"')
            if why:
                yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: includes {match[2]}: {why}"
    for module in layers.layer.keys() - seen:
        yield f"layers.txt: there is no {module}"


def main():
    wrong = list(check(Path(sys.argv[1])))
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
