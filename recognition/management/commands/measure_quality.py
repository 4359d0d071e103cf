"""``manage.py measure_quality DIR``: what photographs measure, and what the limits refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser
from PIL import Image, ImageFilter
from tqdm import tqdm

from recognition import runtime
from recognition.evaluation.extraction import photographs_in
from recognition.management.arguments import index
from recognition.management.base import FAILED, ServiceCommand
from recognition.pipeline.align import PLACES, similarity_transform
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor, principal
from recognition.pipeline.quality import QualityLimits, faults
from recognition.pipeline.types import Face, Picture, Quality

# What must be refused: blur in pixels of the aligned crop of 150, share of the light, size.
BLUR, DARKNESS, SMALL = 4.0, 0.1, 20
SHARES = (0.001, 0.01, 0.5, 0.99, 0.999)
SEED = 1


class Command(ServiceCommand):
    """Measure the principal face of each photograph, and the same photographs spoilt."""

    help = "Print what photographs in DIR/<person>/ measure, and the share each limit refuses."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="LFW View 1, or people in folders like it")
        parser.add_argument(
            "--sample", type=index, metavar="N", help="so many photographs at random, not all"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        photographs = [photograph.path for photograph in photographs_in(options["folder"])]
        if options["sample"]:
            chosen = np.random.default_rng(SEED).permutation(len(photographs))[: options["sample"]]
            photographs = [photographs[index] for index in sorted(chosen)]
        extractor = runtime.extractor(runtime.DLIB)
        measured = measure_all(tqdm(photographs, unit="photograph"), extractor)
        if not any(measured["as they are"]):
            message = f"{len(photographs)} photographs in <person>/: no face was found."
            raise CommandError(message, returncode=FAILED)
        for line in [*distribution(measured["as they are"]), *refusals(measured)]:
            self.stdout.write(line)


def measure_all(
    photographs: Iterable[Path], extractor: Extractor
) -> dict[str, list[Quality | None]]:
    """Return the qualities of the principal faces by what was done to the photographs."""
    measured: dict[str, list[Quality | None]] = {"as they are": []} | {n: [] for n in SPOILT}
    for path in photographs:
        picture = decode(path.read_bytes())
        face = principal_face(picture, extractor)
        measured["as they are"].append(face and face.quality)
        if face is None:
            continue
        for name, spoil in SPOILT.items():
            image = spoil(picture.halved(0), face)
            spoilt = principal_face(Picture(image, image.size), extractor)
            measured[name].append(spoilt and spoilt.quality)
    return measured


def principal_face(picture: Picture, extractor: Extractor) -> Face | None:
    """Return the face that is meant, None where none is found."""
    faces = extractor.detect(picture)
    return faces[principal(faces, picture)] if faces else None


def blurred(image: Image.Image, face: Face) -> Image.Image:
    """Return the photograph as if out of focus, alike for faces of every size."""
    to_crop = similarity_transform(face.detection.landmarks, PLACES)
    return image.filter(ImageFilter.GaussianBlur(BLUR / float(np.hypot(*to_crop[:, 0]))))


def darkened(image: Image.Image, face: Face) -> Image.Image:
    """Return the photograph with a tenth of its light."""
    return image.point(lambda value: value * DARKNESS)


def shrunk(image: Image.Image, face: Face) -> Image.Image:
    """Return the photograph with a face of 20 pixels."""
    factor = SMALL / face.quality.size
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


SPOILT: dict[str, Callable[[Image.Image, Face], Image.Image]] = {
    "blurred": blurred,
    "darkened": darkened,
    "shrunk": shrunk,
}


def distribution(qualities: list[Quality | None]) -> list[str]:
    """Return a line on each measured value: its quantiles over the photographs."""
    found = np.array([astuple(quality) for quality in qualities if quality])
    lines = ["quantile    " + "".join(f"{share:>10.1%}" for share in SHARES)]
    for column, field in enumerate(fields(Quality)):
        values = np.quantile(found[:, column], SHARES)
        lines.append(f"{field.name:<12}" + "".join(f"{value:10.2f}" for value in values))
    return lines


def refusals(measured: dict[str, list[Quality | None]]) -> list[str]:
    """Return a line on each limit: its value and the shares refused; faces not found count."""
    limits = QualityLimits()
    names = [field.name.removeprefix("min_").removeprefix("max_") for field in fields(limits)]
    lines = ["", "refused by             " + "".join(f"{name:>14}" for name in measured)]
    for reason, limit in zip(names, astuple(limits), strict=True):
        shares = [share(qualities, {reason}) for qualities in measured.values()]
        lines.append(f"{reason:<12}{limit:>11g}" + "".join(f"{s:14.2%}" for s in shares))
    missing = [sum(q is None for q in qs) / len(qs) for qs in measured.values()]
    lines.append(f"{'not found':<23}" + "".join(f"{s:14.2%}" for s in missing))
    total = [
        share(qs, set(names)) + gone for qs, gone in zip(measured.values(), missing, strict=True)
    ]
    lines.append(f"{'all together':<23}" + "".join(f"{s:14.2%}" for s in total))
    return lines


def share(qualities: list[Quality | None], reasons: set[str]) -> float:
    """Return the share of photographs whose face is refused for one of ``reasons``."""
    limits = QualityLimits()
    refused = [
        bool(reasons & {fault.reason for fault in faults(quality, limits)})
        for quality in qualities
        if quality
    ]
    return sum(refused) / len(qualities)
