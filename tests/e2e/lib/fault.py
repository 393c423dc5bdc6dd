# SPDX-License-Identifier: Apache-2.0
"""tests/fault/fault.c, preloaded into the collector, and the switches that it reads while it runs."""
import mmap
import random
import struct

from .case import Skip, is_sanitized

CALLS = ("write", "sync", "alloc", "own")
CALL = struct.Struct("=IIII")  # every, at, calls, failed
CODE_AT = CALL.size * len(CALLS)
KEPT_AT = CODE_AT + 4


def nths(n_calls, n_wanted):
    """All of them, or one of each of so many equal parts."""
    if n_calls <= n_wanted:
        return range(1, n_calls + 1)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    return [1 + i * n_calls // n_wanted + chance.randrange(n_calls // n_wanted) for i in range(n_wanted)]


class Fault:
    def __init__(self, lab):
        library = lab.build / "fault.so"
        if is_sanitized(lab.build):
            raise Skip("a sanitizer's library and a preloaded one exclude each other")
        path = lab.dir / "fault"
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": str(library), "NSTATS_FAULT": str(path)}

    def every(self, code=5, **calls):
        """Every nth of these fails: write=7; those that are not named do not."""
        struct.pack_into("=I", self.memory, CODE_AT, code)
        for i, name in enumerate(CALLS):
            struct.pack_into("=I", self.memory, i * CALL.size, calls.get(name, 0))

    def once(self, name, n, code=5):
        """Counts anew, and of these calls the nth alone fails; none for 0."""
        self.memory[:] = bytes(len(self.memory))
        struct.pack_into("=I", self.memory, CODE_AT, code)
        struct.pack_into("=II", self.memory, CALLS.index(name) * CALL.size, 0, n)

    def failed(self, name):
        return CALL.unpack_from(self.memory, CALLS.index(name) * CALL.size)[3]

    def calls(self, name):
        return CALL.unpack_from(self.memory, CALLS.index(name) * CALL.size)[2]

    def kept(self):
        """Allocations by the program's own code that are not freed: none once it has ended."""
        return struct.unpack_from("=I", self.memory, KEPT_AT)[0]
