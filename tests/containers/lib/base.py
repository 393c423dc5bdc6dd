# SPDX-License-Identifier: Apache-2.0
"""
The pinned base image, without a registry of images: what debootstrap makes of the mirror that this machine's apt is
configured for, with that configuration inside, so that `apt-get install` works in it as it does here. A tarball under
build/containers keeps it for the next run.
"""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
SUITE = "bookworm"
APT = ("sources.list", "sources.list.d", "apt.conf", "apt.conf.d", "preferences.d", "auth.conf.d", "keyrings",
       "trusted.gpg.d")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
INCLUDE = "ca-certificates"


def base_name():
    """debian:bookworm-DATE-slim, as the Dockerfile pins it."""
    return re.search(r"^ARG BASE=(\S+)$", (REPO / "Dockerfile").read_text(), re.M)[1]


def mirror():
    """Where this machine's apt has the suite from."""
    wanted = "$(CODENAME) $(COMPONENT) $(REPO_URI)"
    done = subprocess.run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        codename, component, uri = line.split(" ", 2)
        if (codename, component) == (SUITE, "main"):
            return uri
    raise AssertionError(f"apt is not configured for {SUITE}")


def bootstrap(tarball):
    root = Path(tempfile.mkdtemp(prefix="nstats-base-"))
    try:
        with open(tarball.with_suffix(".log"), "wb") as log:
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDE}", SUITE, root, mirror()],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=900)
        configure_apt(root)
        part = tarball.with_suffix(".part")
        subprocess.run(["tar", "-C", root, "--one-file-system", "--exclude=./var/cache/apt/archives/*.deb",
                        "--exclude=./var/lib/apt/lists/*", "--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*",
                        "--exclude=./usr/share/locale/*", "--exclude=./dev/*", "-cf", part, "."], check=True)
        os.replace(part, tarball)
    finally:
        subprocess.run(["umount", "-q", root / "proc", root / "sys"], stderr=subprocess.DEVNULL)
        shutil.rmtree(root)


def configure_apt(root):
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in APT:
        source, target = Path("/etc/apt", name), root / "etc/apt" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target)
    # a mirror that is reached by https may want an authority that only this machine trusts
    if Path(CERTIFICATES).exists():
        shutil.copy(CERTIFICATES, root / CERTIFICATES[1:])
    for keyring in Path("/usr/share/keyrings").glob("*.[gp][pg][gp]"):
        shutil.copy(keyring, root / "usr/share/keyrings")


def make_base(podman):
    """The pinned name, in podman's store."""
    full = f"docker.io/library/{base_name()}"
    tarball = podman.dir / "base.tar"
    if not tarball.exists():
        bootstrap(tarball)
    if not podman.has_image(full):
        podman("import", "--change", 'CMD ["/bin/sh"]', tarball, full)
    return full
