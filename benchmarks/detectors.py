"""Facesite's detector as it serves, and facenet-pytorch's MTCNN, each on many pictures at once."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from tqdm import tqdm

from benchmarks.contestant import become_facesite
from benchmarks.machine import CORES
from recognition.networks.catalogue import DLIB

#: Edges of a face and how sure the detector is: left, top, right, bottom, probability.
Found = list[float]
SMALLEST = 20  # px: facenet-pytorch's default, so that it finds the most
SOME = 4  # pictures handed to a process at once

_act: Callable[[bytes], list[Found]]  # of a process of the pool


def facesite(pictures: Sequence[bytes], environment: Mapping[str, str]) -> list[list[Found]]:
    """Return the faces that Facesite returns with its defaults."""
    # As many processes as cores, for which one thread each is the quickest.
    served = {**environment, "INFERENCE_THREADS": "1"}
    return list(_by_all_cores("Facesite", pictures, _facesite, served))


def full_size_mtcnn(pictures: Sequence[bytes], folder: Path) -> list[list[Found]]:
    """Return the faces that facenet-pytorch finds in the full pictures; kept in ``folder``."""
    kept = folder / f"facenet-pytorch-{version('facenet-pytorch')}-from-{SMALLEST}px.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    digests = [hashlib.sha256(picture).hexdigest() for picture in pictures]
    missing = {d: p for d, p in zip(digests, pictures, strict=True) if d not in known}
    if missing:
        found = _by_all_cores("full-size MTCNN", list(missing.values()), _mtcnn)
        known |= dict(zip(missing, found, strict=True))
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(known))
        part.replace(kept)
    return [known[digest] for digest in digests]


def _by_all_cores(
    name: str, pictures: Sequence[bytes], make: Callable[..., Any], *arguments: Any
) -> Iterator[list[Found]]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(CORES, _start, (make, *arguments)) as pool:
        found = pool.imap(_find, pictures, chunksize=SOME)
        yield from tqdm(found, name, len(pictures), unit="picture", leave=False, disable=None)


def _start(make: Callable[..., Callable[[bytes], list[Found]]], *arguments: Any) -> None:
    global _act
    _act = make(*arguments)


def _find(picture: bytes) -> list[Found]:
    return _act(picture)


def _facesite(environment: Mapping[str, str]) -> Callable[[bytes], list[Found]]:
    become_facesite(environment)
    from recognition.services.looking import look
    from recognition.services.results import Selection, Upload

    def find(picture: bytes) -> list[Found]:
        faces = look(Upload("picture", picture), DLIB, Selection()).faces
        return [
            [f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height]
            + [f.detection.probability]
            for f in faces
        ]

    return find


def _mtcnn() -> Callable[[bytes], list[Found]]:
    import torch
    from facenet_pytorch import MTCNN

    torch.set_num_threads(1)
    mtcnn = MTCNN(keep_all=True, min_face_size=SMALLEST)

    def upright(picture: bytes) -> Image.Image:
        return ImageOps.exif_transpose(Image.open(io.BytesIO(picture))).convert("RGB")

    def find(picture: bytes) -> list[Found]:
        boxes, chances = mtcnn.detect(upright(picture))
        if boxes is None:
            return []
        return [
            [*map(float, box), float(chance)] for box, chance in zip(boxes, chances, strict=True)
        ]

    return find
