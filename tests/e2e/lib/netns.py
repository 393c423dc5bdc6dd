# SPDX-License-Identifier: Apache-2.0
"""Network namespaces: setns(2) for this thread, and ip(8)."""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command, text=None):
    """A tool that must succeed; its output."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def set_namespace(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(name):
    """This thread is in the namespace; sockets opened here stay in it."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            set_namespace(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            set_namespace(before)
    finally:
        os.close(before)


def read_inside(name, path):
    """A file below /proc/net, as seen from the namespace."""
    with inside(name):
        with open(f"/proc/thread-self/net/{path}") as file:
            return file.read()


def set_sysctl(name, **values):
    with inside(name):
        for key, value in values.items():
            with open("/proc/sys/net/" + key.replace("__", "/"), "w") as file:
                file.write(str(value))


def delete(name):
    subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, timeout=30)
