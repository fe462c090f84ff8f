"""Makes an image of one static binary and pushes it to ECR: python3 image.py BINARY REGISTRY/REPOSITORY:TAG

It speaks the protocol that `docker push` speaks. The same binary always makes the same image.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import urllib.error
import urllib.request

import boto3

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(name):
    """A file system in which there is nothing but the binary."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(os.path.basename(name))
        entry.size, entry.mode = os.path.getsize(name), 0o755
        with open(name, "rb") as file:
            tar.addfile(entry, file)
    return packed.getvalue()


class Registry:
    """A repository in ECR, as engines see it."""

    def __init__(self, host, repository):
        # An address of one's own for all of AWS has its registry, too.
        self.base = os.environ.get("AWS_ENDPOINT_URL", f"https://{host}").rstrip("/")
        self.repository = repository
        granted = boto3.client("ecr").get_authorization_token()
        self.token = granted["authorizationData"][0]["authorizationToken"]

    def ask(self, method, url, content=None, kind="application/octet-stream"):
        headers = {"Authorization": f"Basic {self.token}", "Content-Type": kind}
        request = urllib.request.Request(url, data=content, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers

    def push_blob(self, content):
        blobs = f"{self.base}/v2/{self.repository}/blobs"
        try:
            self.ask("HEAD", f"{blobs}/{digest(content)}")
            return
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
        place = self.ask("POST", f"{blobs}/uploads/", b"")["Location"]
        place = place if place.startswith("http") else self.base + place
        separator = "&" if "?" in place else "?"
        self.ask("PUT", f"{place}{separator}digest={digest(content)}", content)

    def push_manifest(self, manifest, tag):
        self.ask("PUT", f"{self.base}/v2/{self.repository}/manifests/{tag}", manifest, MANIFEST)


def main(binary, uri):
    host, _, rest = uri.partition("/")
    repository, _, tag = rest.rpartition(":")
    files = layer(binary)
    packed = gzip.compress(files, mtime=0)
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": ["/" + os.path.basename(binary)]},
        "rootfs": {"type": "layers", "diff_ids": [digest(files)]},
    }
    config = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": LAYER, "size": len(packed), "digest": digest(packed)}],
    }
    manifest = json.dumps(manifest, sort_keys=True).encode()
    registry = Registry(host, repository)
    for blob in (packed, config):
        registry.push_blob(blob)
    registry.push_manifest(manifest, tag)
    print(f"pushed {repository}:{tag}, {digest(manifest)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
