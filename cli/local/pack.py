"""Zips what `sam build` built, once, so that no deployment of the build has to.

    pack.py BUILD-FOLDER

`sam deploy` zips every function anew, which took half of its time. A CodeUri that names a zip file it uploads as it is.
"""

import os
import re
import sys
import zipfile


def pack(folder):
    """One function's folder into a zip next to it; the same content gives the same bytes."""
    with zipfile.ZipFile(folder + ".zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(os.listdir(folder)):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16
            with open(os.path.join(folder, name), "rb") as file:
                archive.writestr(entry, file.read(), compresslevel=1)


def main():
    build = sys.argv[1]
    path = os.path.join(build, "template.yaml")
    with open(path) as file:
        template = file.read()
    line = re.compile(r"^(\s+CodeUri: )(\w+)$", re.MULTILINE)
    for function in sorted({match.group(2) for match in line.finditer(template)}):
        pack(os.path.join(build, function))
    with open(path, "w") as file:
        file.write(line.sub(r"\1\2.zip", template))


if __name__ == "__main__":
    main()
