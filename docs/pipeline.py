"""The pictures of docs/design.md, one after each stage: ``python -m docs.pipeline [FOLDER]``.

From the photographs in tests/fixtures, which are in the public domain, by the networks that
``manage.py prepare`` has converted. The numbers in the pictures are those that the stages return.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from recognition.pipeline.align import aligned, with_margin
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor
from recognition.pipeline.quality import QualityLimits, faults, measure
from recognition.pipeline.types import Box, Face, Floats, Picture

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures" / "pipeline"
EMBEDDER = "dlib-resnet-v1"
REGISTERED = {"obama": ("obama", "obama3"), "biden": ("biden",), "collins": ("astronaut",)}
HEIGHT, GAP, LINE = 240, 10, 20  # px
QUALITY = 85  # JPEG
INK, PAPER, GOOD, BAD = "#222222", "#ffffff", "#17803d", "#c2410c"
FONT = ImageFont.load_default(15)
SIDEWAYS = 6  # EXIF: turn it by a quarter to the right


def main(folder: Path) -> None:
    """Write all pictures into ``folder``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    import django

    django.setup()
    from recognition import runtime

    extractor = runtime.extractor(EMBEDDER)
    pictures = {
        "decode": decoded(),
        "detect": detected(extractor),
        "quality": measured(extractor),
        "align": cut_out(extractor),
        "embed": embedded(extractor),
        "search": searched(extractor),
        "decide": decided(extractor),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.jpg", quality=QUALITY)


def photograph(name: str) -> bytes:
    """Return a photograph's file."""
    return (ROOT / "tests" / "fixtures" / f"{name}.jpg").read_bytes()


def group() -> Picture:
    """Return a picture of two people."""
    parts = [Image.open(BytesIO(photograph(name))).convert("RGB") for name in ("obama2", "biden")]
    parts = [ImageOps.contain(part, (600, 600)) for part in parts]
    sheet = Image.new("RGB", (sum(part.width for part in parts), 600))
    for place, part in enumerate(parts):
        sheet.paste(part, (place * parts[0].width, 0))
    return Picture.of(np.asarray(sheet))


def face_of(extractor: Extractor, name: str) -> tuple[Picture, Face]:
    """Return a photograph and the largest face in it, embedded."""
    picture = decode(photograph(name))
    return picture, extractor.embed(picture, extractor.detect(picture)[:1])[0]


def decoded() -> Image.Image:
    """Show a photograph as a telephone stores it, and as ``decode`` returns it."""
    stored = Image.open(BytesIO(photograph("obama2"))).convert("RGB").rotate(90, expand=True)
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = SIDEWAYS
    stored.save(file, "JPEG", exif=exif)
    upright = decode(file.getvalue()).halved(0)
    return side_by_side([(stored, ["as it is stored"]), (upright, ["decoded: upright, RGB"])])


def detected(extractor: Extractor) -> Image.Image:
    """Show the squares that MTCNN's networks let pass, one after the other."""
    picture, detector = group(), extractor.detector
    proposed = detector._propose(picture, 40)  # no caller but this one wants the steps between
    refined = detector._refine(picture, proposed)
    found = detector.detect(picture)
    image = picture.halved(0)
    final = boxed(image, [face.box for face in found], width=4)
    dotted(final, [point for face in found for point in face.landmarks])
    steps = [
        (boxed(image, squares(proposed)), [f"PNet: {len(proposed)} proposals"]),
        (boxed(image, squares(refined)), [f"RNet: {len(refined)} left"]),
        (final, [f"ONet: {len(found)} faces, landmarks"]),
    ]
    return side_by_side(steps)


def measured(extractor: Extractor) -> Image.Image:
    """Show one face as it is, blurred and darkened, with what is measured and refused."""
    picture, face = face_of(extractor, "obama")
    image = picture.halved(0)
    blurred = image.filter(ImageFilter.GaussianBlur(face.box.width / 12))
    made = {"as it is": image, "blurred": blurred}
    made["darkened"] = ImageEnhance.Brightness(image).enhance(0.1)
    panels = []
    for name, one in made.items():
        quality = measure(Picture.of(np.asarray(one)), face.detection)
        wrong = [fault.reason for fault in faults(quality, QualityLimits())]
        verdict = f"refused: {', '.join(wrong)}" if wrong else "good enough"
        said = f"sharpness {quality.sharpness:.2f}, brightness {quality.brightness:.0f}"
        panels.append((around(one, face.box), [name, said, verdict]))
    return side_by_side(panels)


def cut_out(extractor: Extractor) -> Image.Image:
    """Show a face with its landmarks, and the crop of each embedder."""
    picture, face = face_of(extractor, "obama3")
    image = boxed(picture.halved(0), [face.box], width=4)
    dotted(image, face.detection.landmarks)
    ours = Image.fromarray(aligned(picture, face.detection.landmarks))
    other = Image.fromarray(with_margin(picture, face.detection.outline, size=160, margin=14))
    return side_by_side(
        [
            (around(image, face.box), ["box and landmarks"]),
            (ours, ["dlib-resnet-v1: 150 px,", "landmarks in their places"]),
            (other, ["facenet-vggface2: 160 px,", "the box with a margin"]),
        ]
    )


def embedded(extractor: Extractor) -> Image.Image:
    """Show three embeddings as bars, and their similarities."""
    names = ("obama", "obama2", "biden")
    faces = [face_of(extractor, name)[1] for name in names]
    sheet, pen = page(760, 3 * 110 + 2 * LINE + GAP)
    for row, face in enumerate(faces):
        sheet.paste(crop_of(face, 100), (0, row * 110))
        bars(pen, embedding_of(face), top=row * 110, left=110)
    first, second, third = map(embedding_of, faces)
    said = f"first and second, one person: {first @ second:.3f}"
    write(pen, (0, 330), [said, f"first and third, two people: {first @ third:.3f}"])
    return sheet


def searched(extractor: Extractor) -> Image.Image:
    """Show how similar a probe is to everybody in a gallery."""
    policy, templates = policy_and_templates(extractor)
    probe = face_of(extractor, "obama2")[1]
    sheet, pen = page(760, 170)
    sheet.paste(crop_of(probe, 140), (0, 0))
    for row, (name, template) in enumerate(templates.items()):
        similarity = float(embedding_of(probe) @ template)
        limit = policy.threshold_for(len(REGISTERED[name]))
        scale(pen, row, f"{name}: {similarity:.3f} of {limit:.3f}", similarity, limit)
    return sheet


def decided(extractor: Extractor) -> Image.Image:
    """Show what is decided about a picture of two people, one of whom is registered."""
    policy, templates = policy_and_templates(extractor, without="biden")
    picture = group()
    image, said = picture.halved(0).copy(), []
    for face in extractor.embed(picture, extractor.detect(picture)):
        name, template = max(templates.items(), key=lambda one: float(embedding_of(face) @ one[1]))
        similarity = float(embedding_of(face) @ template)
        limit = policy.threshold_for(len(REGISTERED[name]))
        matched = similarity >= limit
        image = boxed(image, [face.box], width=6, colour=GOOD if matched else BAD)
        verdict = f"match: {name}" if matched else f"unknown (the nearest is {name})"
        said.append(f"{verdict}, {similarity:.3f} of {limit:.3f}")
    return side_by_side([(image, said)], height=320)


def policy_and_templates(extractor: Extractor, without: str = "") -> tuple:
    """Return what identifications are decided by, and each registered person's template."""
    from recognition.decisions import Policy
    from recognition.models import Gallery

    templates: dict[str, Floats] = {}
    for name, references in REGISTERED.items():
        if name != without:
            faces = [face_of(extractor, one)[1] for one in references]
            mean = np.mean([embedding_of(face) for face in faces], axis=0)
            templates[name] = mean / np.linalg.norm(mean)
    policy = Policy.for_identify(EMBEDDER, people=len(templates), gallery=Gallery())
    return policy, templates


def embedding_of(face: Face) -> Floats:
    """Return the (128,) embedding of an embedded face."""
    assert face.embedding is not None
    return face.embedding


def crop_of(face: Face, side: int) -> Image.Image:
    """Return the embedder's crop, ``side`` pixels wide."""
    assert face.crop is not None
    return Image.fromarray(face.crop).resize((side, side))


def squares(rows: Floats) -> list[Box]:
    """Return rows ``left, top, right, bottom`` as boxes."""
    return [Box(x, y, right - x, bottom - y) for x, y, right, bottom in rows.tolist()]


def around(image: Image.Image, box: Box) -> Image.Image:
    """Return the square around a face."""
    half = max(box.width, box.height) * 0.8
    x, y = box.centre
    return image.crop((int(x - half), int(y - half), int(x + half), int(y + half)))


def boxed(
    image: Image.Image, boxes: Iterable[Box], *, width: int = 2, colour: str = GOOD
) -> Image.Image:
    """Return a copy with boxes drawn on it."""
    copy = image.copy()
    pen = ImageDraw.Draw(copy)
    for box in boxes:
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        pen.rectangle(corners, outline=colour, width=width)
    return copy


def dotted(image: Image.Image, points: Iterable[Floats]) -> None:
    """Draw landmarks."""
    pen = ImageDraw.Draw(image)
    for x, y in points:
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill="yellow", outline=INK)


def page(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty picture and a pen for it."""
    sheet = Image.new("RGB", (width, height), PAPER)
    return sheet, ImageDraw.Draw(sheet)


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[str]) -> None:
    """Write lines below each other."""
    for row, line in enumerate(lines):
        pen.text((at[0], at[1] + row * LINE), line, fill=INK, font=FONT)


def bars(pen: ImageDraw.ImageDraw, values: Floats, *, top: int, left: int) -> None:
    """Draw an embedding: a bar a number, up or down from the middle."""
    middle, tallest = top + 50, float(np.abs(values).max())
    for place, value in enumerate(values.tolist()):
        x, end = left + place * 5, middle - value / tallest * 48
        colour = GOOD if value > 0 else BAD
        pen.rectangle((x, min(middle, end), x + 3, max(middle, end)), fill=colour)


def scale(pen: ImageDraw.ImageDraw, row: int, said: str, similarity: float, limit: float) -> None:
    """Draw a similarity from 0.8 to 1 as a bar, the threshold as a line."""
    left, top, width, least = 160, row * 50, 590, 0.8
    write(pen, (left, top), [said])
    end, at = (
        left + (max(value, least) - least) / (1 - least) * width for value in (similarity, limit)
    )
    colour = GOOD if similarity >= limit else BAD
    pen.rectangle((left, top + 22, end, top + 36), fill=colour)
    pen.line((at, top + 18, at, top + 40), fill=INK, width=3)


def side_by_side(
    panels: Sequence[tuple[Image.Image, Sequence[str]]], *, height: int = HEIGHT
) -> Image.Image:
    """Return pictures of one height beside each other, with lines of text below each."""
    scaled = [
        image.resize((round(image.width * height / image.height), height)) for image, _ in panels
    ]
    lines = max(len(said) for _, said in panels)
    texts = [max(int(FONT.getlength(line)) for line in said) for _, said in panels]
    widths = [max(image.width, text) for image, text in zip(scaled, texts, strict=True)]
    sheet, pen = page(sum(widths) + GAP * (len(widths) - 1), height + LINE * lines + GAP)
    left = 0
    for image, (_, said), width in zip(scaled, panels, widths, strict=True):
        sheet.paste(image, (left, 0))
        write(pen, (left, height + GAP // 2), said)
        left += width + GAP
    return sheet


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
