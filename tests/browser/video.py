"""What the fake webcam shows: photographs of the fixtures as a video that Chromium reads."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

FPS = 10
SIZE = (640, 480)


def make_video(path: Path, photographs: list[Path], *, seconds: float) -> Path:
    """Write each photograph for ``seconds`` into a motion-JPEG file."""
    with path.open("wb") as file:
        for photograph in photographs:
            still = path.with_suffix(".jpg")
            framed(Image.open(photograph)).save(still, "JPEG", quality=90)
            file.write(still.read_bytes() * round(seconds * FPS))
    return path


def framed(picture: Image.Image) -> Image.Image:
    """Return the whole picture on a frame of ``SIZE``."""
    picture = picture.convert("RGB")
    picture.thumbnail(SIZE)
    frame = Image.new("RGB", SIZE, "grey")
    frame.paste(picture, ((SIZE[0] - picture.width) // 2, (SIZE[1] - picture.height) // 2))
    return frame
