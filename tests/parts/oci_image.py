"""Makes a small OCI image: the same bytes, and so the same digests, every time."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass

CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Image:
    """The digests that identify an image and its two parts."""

    manifest: str
    config: str
    layer: str


def write(layout):
    """Writes the image as an OCI layout with one tag, `hello`."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(media_type, data):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {
            "mediaType": media_type,
            "digest": f"sha256:{digest}",
            "size": len(data),
        }

    tar = _tar({"hello.txt": b"Hello from a registry that feedpass opened.\n"})
    layer = put(LAYER, gzip.compress(tar, mtime=0))
    config = put(
        CONFIG,
        _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": ["/hello.txt"]},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"],
                },
            }
        ),
    )
    manifest = put(
        MANIFEST,
        _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": [layer],
            }
        ),
    )
    tagged = manifest | {"annotations": {"org.opencontainers.image.ref.name": "hello"}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [tagged]}
    (layout / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (layout / "index.json").write_bytes(_json(index))
    return Image(manifest["digest"], config["digest"], layer["digest"])


def _tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            # A fresh TarInfo is of root and of 1970.
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _json(value):
    return json.dumps(value, separators=(",", ":")).encode()
