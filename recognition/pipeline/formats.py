"""Tell what a file is by its bytes; its name is never asked.

``identify`` knows the six formats that are read and names many that are not, so that a refusal
says what was sent instead of a picture.
"""

from __future__ import annotations

import re

from recognition.errors import RecognitionError

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
}
_DIB_SIZES = (12, 40, 52, 56, 64, 108, 124)  # lengths of a BMP's second header, one a version
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_OTHER_SIGNATURES = {
    b"%PDF": "a PDF document",
    b"II*\0": "a TIFF or a camera's raw file",
    b"MM\0*": "a TIFF or a camera's raw file",
    b"\0\0\1\0": "an icon",
    b"\0\0\2\0": "a cursor or a TGA picture",
    b"8BPS": "a Photoshop file",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"RIFF": "a sound or a video",
    b"\x1a\x45\xdf\xa3": "a video",
    b"PK\3\4": "a ZIP archive or an office document",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\xca\xfe\xba\xbe": "a program",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # bytes that no text holds

RESEND = "Send the original file again; if it opens nowhere, take or export the picture anew."
_CONVERT = "Send JPEG, PNG, WebP, BMP, GIF or HEIC; the content counts, not the file's name."


def identify(data: bytes) -> str:
    """Return the format that the first bytes show: JPEG, PNG, WebP, BMP, GIF or HEIC.

    Raises RecognitionError: ``invalid_image`` for nothing or a mere beginning, and
    ``unsupported_image``, which names what the file seems to be.
    """
    if not data:
        raise RecognitionError("invalid_image", "The file is empty.", hint=RESEND)
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            return name
        if signature.startswith(data):
            detail = f"The {name} file ends after {len(data)} bytes."
            raise RecognitionError("invalid_image", detail, hint=RESEND)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _DIB_SIZES:
        return "BMP"
    if data[4:8] == b"ftyp":
        return _identify_container(data)
    raise unsupported(_guess(data))


def unsupported(what: str) -> RecognitionError:
    """Return the refusal of a file that seems to be ``what`` (may be empty: nothing known)."""
    detail = f"The file seems to be {what}." if what else "The file is no picture of a known kind."
    return RecognitionError("unsupported_image", detail, hint=_CONVERT)


def _identify_container(data: bytes) -> str:
    """Tell HEIC from its relatives, which share the container, by the brands they declare."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[at : at + 4] for at in (8, *range(16, length, 4))}
    if brands & _HEVC_BRANDS:
        return "HEIC"
    if brands & {b"avif", b"avis"}:
        raise unsupported("an AVIF picture")
    if brands & {b"mif1", b"msf1"}:
        return "HEIC"
    raise unsupported("a camera's raw file" if b"crx " in brands else "a video")


def _guess(data: bytes) -> str:
    """Say what a refused file seems to be, or an empty string."""
    if data.endswith(b"TRUEVISION-XFILE.\0"):
        return "a TGA picture"
    for signature, what in _OTHER_SIGNATURES.items():
        if data.startswith(signature):
            return what
    head = data[:1024].lower()
    if re.match(rb"p[1-7]\s", head):
        return "a Netpbm picture"
    if _CONTROL.search(head):
        return ""
    if b"<svg" in head:
        return "an SVG drawing"
    return "an HTML page" if b"<html" in head or b"<!doctype html" in head else "a text"
