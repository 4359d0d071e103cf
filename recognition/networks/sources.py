"""Finds the weights that networks are converted from, and checks that they are the right ones."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from recognition.errors import RecognitionError
from recognition.networks.catalogue import CatalogueEntry, Packaged
from recognition.networks.files import sha256_of


class UnusableWeights(ValueError):
    """The file holds something else than the weights of the network it was given for."""


def packaged_weights(entry: CatalogueEntry) -> Path:
    """Return the weights file inside an installed package, its SHA-256 checked.

    The package is not imported (face-recognition-models cannot be without setuptools), and no
    other file of it is read. Raises RecognitionError ``not_ready`` when it is not installed or
    holds something else.
    """
    if not isinstance(entry.source, Packaged):
        raise TypeError(f"{entry.id} does not come in a package")
    path = _path_in(entry.source)
    if path is None or not path.is_file():
        raise RecognitionError(
            "not_ready",
            f"{entry.title} comes in the package {entry.source.distribution}, "
            "which is not installed.",
            hint=f"Install it: pip install {entry.source.distribution}",
        )
    if sha256_of(path) != entry.source_sha256:
        raise RecognitionError(
            "not_ready",
            f"{path.name} in the package {entry.source.distribution} is not the file that was "
            f"published: its SHA-256 is not {entry.source_sha256}.",
            hint=f"Install the package again: pip install --force-reinstall "
            f"{entry.source.distribution}",
        )
    return path


def _path_in(source: Packaged) -> Path | None:
    try:
        files = metadata.files(source.distribution) or ()
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if str(file) == source.path), None)
