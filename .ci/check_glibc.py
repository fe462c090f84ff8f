"""Refuse functions that Amazon Linux 2023 could not start.

    check_glibc.py BINARY...

`provided.al2023` has glibc 2.34. A function linked on a newer system may ask for newer symbols; it
would then fail at its first call, on AWS only.
"""

import pathlib
import re
import sys

NEWEST = (2, 34)


def newest_needed(binary: pathlib.Path) -> tuple[int, ...]:
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", binary.read_bytes())
    return max((tuple(map(int, version)) for version in versions), default=(0, 0))


def main() -> None:
    failed = False
    for name in sys.argv[1:]:
        major, minor = newest_needed(pathlib.Path(name))
        fits = (major, minor) <= NEWEST
        failed |= not fits
        print(f"{'ok     ' if fits else 'TOO NEW'} glibc {major}.{minor}  {name}")
    sys.exit(failed)


main()
