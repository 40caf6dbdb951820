"""The harness through two mounts of one folder that cache names and attributes, as two machines would see it.

What one process writes is seen by the other only after a while, and locks of files keep nobody out between
the two: the schedulers of a history are each on one mount. Needs root, /dev/fuse and the program bindfs;
says so, and fails, where they are missing. A full disk is a limit of the size of files here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE_S = 3
"""How long a mount believes what it has seen, in seconds (network disks: 3 to 60)"""


def main() -> int:
    missing = [name for name in ("bindfs", "fusermount3") if shutil.which(name) is None]
    if missing or not Path("/dev/fuse").exists() or os.geteuid() != 0:
        print(
            f"needs root, /dev/fuse, and the programs bindfs and fusermount3; missing: {missing}",
            file=sys.stderr,
        )
        return 2
    with two_mounts() as (one, two):
        harness = Path(__file__).with_name("harness.py")
        histories, seed = os.environ.get("HISTORIES", "100"), os.environ.get("SEED", "0")
        command = [sys.executable, str(harness), "--histories", histories, "--seed", seed]
        return subprocess.run([*command, "--mounts", str(one), str(two)], check=False).returncode


@contextmanager
def two_mounts() -> Iterator[tuple[Path, Path]]:
    """Two mounts of one folder, which is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="faults-network-"))
    mounts = root / "one", root / "two"
    caches = ",".join(f"{what}_timeout={CACHE_S}" for what in ("attr", "entry", "negative"))
    mounted = []
    try:
        for folder in (root / "disk", *mounts):
            folder.mkdir()
        for mount in mounts:
            subprocess.run(["bindfs", "-o", caches, str(root / "disk"), str(mount)], check=True)
            mounted.append(mount)
        yield mounts
    finally:
        for mount in mounted:
            subprocess.run(["fusermount3", "-u", "-z", str(mount)], check=True)
        shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
