"""Where converted networks lie: one ONNX file and one manifest a network, in one or more folders.

A network is there when its manifest is: ``<id>.json`` names ``<id>-<digits>.onnx``, whose digits
are the first of its SHA-256, so no manifest ever names a half-written file. Writers take a lock
on the folder, which ends with their process; readers need none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from recognition.errors import RecognitionError
from recognition.networks.files import locked, move_into_place, sha256_of, size_of

_DIGITS = 16  # of the SHA-256 in the file's name
_TEMPORARY = ".writing-"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a network was made from: its source's name and SHA-256, and what converted it."""

    source: str
    source_sha256: str
    converter: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is written beside a converted network. ``bytes`` and ``sha256`` are of ``file``."""

    network: str
    source: str
    source_sha256: str
    converter: str
    file: str
    sha256: str
    bytes: int
    created: str  # ISO 8601, UTC

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.source, self.source_sha256, self.converter)


class NetworkStore:
    """Converted networks in ``folders``, read in their order; new ones go into the last."""

    def __init__(self, folders: Sequence[Path]) -> None:
        if not folders:
            raise ValueError("a network store wants at least one folder")
        self.folders = tuple(Path(folder) for folder in folders)

    def has(self, network_id: str) -> bool:
        """Say whether the network is there with the right size, without reading it."""
        return self._located(network_id) is not None

    def manifest(self, network_id: str) -> Manifest:
        """Return what is known of a network. Raises RecognitionError ``not_ready`` without one."""
        return self._found(network_id)[1]

    def find(self, network_id: str) -> Path:
        """Return the path of the ONNX file, its SHA-256 checked.

        Raises RecognitionError ``not_ready`` when the network is missing or was altered.
        """
        path, manifest = self._found(network_id)
        if sha256_of(path) != manifest.sha256:
            ours = path.parent == self.folders[-1]
            raise RecognitionError(
                "not_ready",
                f"The network {network_id} was altered since it was converted: {path.name} does "
                "not have the SHA-256 of its manifest.",
                hint="Run `manage.py prepare`; it converts it anew."
                if ours
                else f"Restore the file in {path.parent}, or remove it.",
            )
        return path

    def intact(self, network_id: str) -> Manifest | None:
        """Return the manifest if the network is there and its SHA-256 right; reads it whole."""
        found = self._located(network_id)
        return found[1] if found and sha256_of(found[0]) == found[1].sha256 else None

    def commit(
        self, network_id: str, write: Callable[[Path], None], provenance: Provenance
    ) -> Manifest:
        """Put a network into the last folder: all of it, or none if the process dies half-way.

        ``write`` gets the path of a file to write. It is not called when the network is there
        already, intact and from the same provenance (another process may have been faster).
        """
        folder = self.folders[-1]
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            _clean(folder, network_id)
            there = _read_manifest(folder, network_id)
            if there and there.provenance == provenance and _matches(folder / there.file, there):
                return there
            manifest = _write(folder, network_id, write, provenance)
            _clean(folder, network_id)
            return manifest

    def _found(self, network_id: str) -> tuple[Path, Manifest]:
        found = self._located(network_id)
        if found is None:
            raise RecognitionError(
                "not_ready",
                f"The network {network_id} is not converted yet.",
                hint="Run `manage.py prepare` once; it converts what is missing.",
            )
        return found

    def _located(self, network_id: str) -> tuple[Path, Manifest] | None:
        for folder in self.folders:
            # Twice: between reading the manifest and looking for its file, a newer one may have
            # taken the place of both.
            for _ in range(2):
                manifest = _read_manifest(folder, network_id)
                if manifest and size_of(folder / manifest.file) == manifest.bytes:
                    return folder / manifest.file, manifest
        return None


def _matches(path: Path, manifest: Manifest) -> bool:
    return size_of(path) == manifest.bytes and sha256_of(path) == manifest.sha256


def _read_manifest(folder: Path, network_id: str) -> Manifest | None:
    try:
        manifest = Manifest(**json.loads((folder / f"{network_id}.json").read_text("utf-8")))
        inside = Path(manifest.file).name == manifest.file
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError):  # not JSON, or not these fields: as good as none
        return None
    return manifest if inside else None


def _write(
    folder: Path, network_id: str, write: Callable[[Path], None], provenance: Provenance
) -> Manifest:
    """Write the file, then the manifest that makes it count; the folder is locked."""
    temporary = folder / f"{_TEMPORARY}{network_id}.onnx"
    write(temporary)
    digest = sha256_of(temporary)
    manifest = Manifest(
        network=network_id,
        **asdict(provenance),
        file=f"{network_id}-{digest[:_DIGITS]}.onnx",
        sha256=digest,
        bytes=size_of(temporary),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    move_into_place(temporary, folder / manifest.file)
    pending = folder / f"{_TEMPORARY}{network_id}.json"
    pending.write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    move_into_place(pending, folder / f"{network_id}.json")
    return manifest


def _clean(folder: Path, network_id: str) -> None:
    """Remove what a killed process left and what no manifest names; the folder is locked."""
    manifest = _read_manifest(folder, network_id)
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink()
    for path in folder.glob(f"{network_id}-{'[0-9a-f]' * _DIGITS}.onnx"):
        if manifest is None or path.name != manifest.file:
            path.unlink()
