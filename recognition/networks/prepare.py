"""Makes every network ready: finds or fetches its weights, converts what is missing.

Where everything is converted already, nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from recognition.errors import RecognitionError
from recognition.networks.catalogue import (
    CATALOGUE,
    DLIB,
    FACENET,
    MTCNN,
    CatalogueEntry,
    Download,
    licence_notice,
)
from recognition.networks.convert import CONVERTER, ConversionFailed, convert
from recognition.networks.download import DownloadFailed, Wanted, download
from recognition.networks.files import sha256_of
from recognition.networks.sources import UnusableWeights, packaged_weights
from recognition.networks.store import NetworkStore, Provenance

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready. ``facenet_problem``: why FaceNet is not; empty if it is or was not wanted."""

    ready: tuple[str, ...]
    converted: tuple[str, ...]
    facenet_problem: str = ""


@dataclass(frozen=True, slots=True)
class _Weights:
    """A checked file of weights: what is converted, and the digest that says which it is."""

    entry: CatalogueEntry
    path: Path
    sha256: str


def prepare(
    store: NetworkStore,
    *,
    facenet_weights: Path | None,
    facenet_sha256: str | None,
    download_dir: Path,
    want_facenet: bool,
    say: Say,
) -> Prepared:
    """Convert what ``store`` lacks; a second call does nothing.

    ``facenet_weights``: a local file, else FaceNet is downloaded into ``download_dir``;
    ``facenet_sha256``: a digest to accept in place of the catalogue's. Where FaceNet cannot be
    had, that is said and the rest is ready all the same. Progress goes to stderr.
    Raises RecognitionError ``not_ready`` when one of the other networks cannot be made.
    """
    converted = _prepare_packaged(store, say)
    problem = ""
    if want_facenet:
        digest = (facenet_sha256 or CATALOGUE[FACENET].source_sha256).lower()
        try:
            converted += _prepare_facenet(store, facenet_weights, digest, download_dir, say)
        except (DownloadFailed, UnusableWeights, ConversionFailed, OSError) as failure:
            problem = str(failure)
            say(
                f"FaceNet ({FACENET}) is not at hand. {problem} "
                "FACENET_WEIGHTS may name a local copy of FaceNet's weights."
            )
    ready = tuple(network_id for network_id in CATALOGUE if store.has(network_id))
    return Prepared(ready, tuple(converted), problem)


def _prepare_packaged(store: NetworkStore, say: Say) -> list[str]:
    entries = [CATALOGUE[network_id] for network_id in (*MTCNN, DLIB)]
    missing = [entry for entry in entries if not _current(store, entry, entry.source_sha256)]
    if not missing:
        return []
    say(licence_notice([entry.id for entry in missing]))
    say(f"Converting {len(missing)} networks to ONNX, once. Nothing is downloaded for them.")
    found = [_Weights(entry, packaged_weights(entry), entry.source_sha256) for entry in missing]
    try:
        return _convert(store, found)
    except (ConversionFailed, UnusableWeights) as problem:
        raise RecognitionError(
            "not_ready",
            f"A network could not be converted. {problem}",
            hint="Install the versions of torch, onnx and onnxscript in constraints.txt.",
        ) from problem


def _prepare_facenet(
    store: NetworkStore, local: Path | None, digest: str, download_dir: Path, say: Say
) -> list[str]:
    entry = CATALOGUE[FACENET]
    if _current(store, entry, digest):
        return []
    say(licence_notice([FACENET]))
    if local is not None:
        path = _checked(local, digest)
    else:
        path = _downloaded(entry, digest, download_dir, say)
    say(f"Converting FaceNet from {path} to ONNX, once.")
    return _convert(store, [_Weights(entry, path, digest)])


def _current(store: NetworkStore, entry: CatalogueEntry, digest: str) -> bool:
    """Say whether the network is there, intact, from these weights and by this converter."""
    manifest = store.intact(entry.id)
    wanted = Provenance(entry.source_name, digest, CONVERTER)
    return manifest is not None and manifest.provenance == wanted


def _checked(local: Path, digest: str) -> Path:
    if not local.is_file():
        raise UnusableWeights(f"FACENET_WEIGHTS names {local}, where no file is.")
    found = sha256_of(local)
    if found != digest:
        raise UnusableWeights(
            f"{local} has the SHA-256 {found}, not {digest}. If it is meant, say so with "
            f"FACENET_SHA256={found}."
        )
    return local


def _downloaded(entry: CatalogueEntry, digest: str, folder: Path, say: Say) -> Path:
    source = entry.source
    if not isinstance(source, Download):
        raise TypeError(f"{entry.id} is not downloaded")
    destination = folder / entry.source_name
    say(f"Downloading {source.megabytes} MB from {source.url} to {destination}.")
    bar = tqdm(desc=entry.source_name, unit="B", unit_scale=True, unit_divisor=1024, delay=0.5)

    def progress(there: int, total: int | None) -> None:
        bar.total = total
        bar.update(there - bar.n)

    with bar:
        wanted = Wanted(source.url, digest, source.limit)
        return download(wanted, destination, progress=progress)


def _convert(store: NetworkStore, weights: Sequence[_Weights]) -> list[str]:
    if find_spec("torch") is None:
        raise RecognitionError(
            "not_ready",
            "Networks have to be converted, and torch, which does it, is not installed.",
            hint="Install torch and facenet-pytorch here, or let FACESITE_NETWORKS_DIR name a "
            "folder with networks converted elsewhere.",
        )
    bar = tqdm(weights, unit="network")
    for each in bar:
        bar.set_description(f"Converting {each.entry.id}")
        _commit(store, each)
    return [each.entry.id for each in weights]


def _commit(store: NetworkStore, weights: _Weights) -> None:
    network_id = weights.entry.id
    provenance = Provenance(weights.entry.source_name, weights.sha256, CONVERTER)

    def write(destination: Path) -> None:
        convert(network_id, weights.path, destination)

    try:
        store.commit(network_id, write, provenance)
    except OSError as problem:
        raise RecognitionError(
            "not_ready",
            f"The network {network_id} cannot be written to {store.folders[-1]}: {problem}.",
            hint="Make the folder writable, or let FACESITE_DATA_DIR name another.",
        ) from problem
    store.find(network_id)  # an altered file in an earlier folder would still be refused
