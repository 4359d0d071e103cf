"""A ZIP that lies in the database in slices: listed, and read file by file, never written out."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from recognition.errors import RecognitionError
from recognition.import_models import Import
from recognition.sealing import SealBrokenError
from recognition.services.manifest import Entry, Fault

TAKEN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # what every program writes
ENCRYPTED = 0x1  # bit of the flags; PKWARE's APPNOTE.TXT 4.4.4
# Photographs are hardly packed at all. A bitmap of one colour is packed more tightly, and harmless
# while it is small: what may be that large is bounded as every picture is.
RATIO = 100
END, END_LENGTH = b"PK\x05\x06", 22
LATER, LATER_LENGTH = b"PK\x06\x07", 20  # what leads to the larger kind of list, before END
UTF_8 = 0x800  # bit of the flags: the name is UTF-8
ENTRY_LENGTH = 512  # bytes of a member in the list, on average, with a long path
UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError)


class Slices(io.RawIOBase):
    """The bytes of a ZIP as a file to read, of which one slice is held in memory."""

    def __init__(self, batch: Import) -> None:
        super().__init__()
        self._batch, self._size = batch, batch.received
        self._offsets = list(batch.slices.values_list("offset", flat=True))
        self._position, self._held, self._data = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # zipfile gives one
        if self._position >= self._size:
            return 0
        first = self._slice_at(self._position)
        part = self._data[self._position - first : self._position - first + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _slice_at(self, position: int) -> int:
        """Hold the slice that has the byte at ``position``; return where it begins.

        Raises SealBrokenError where it was altered or is gone.
        """
        if not self._offsets:
            raise SealBrokenError("the slices of the ZIP are gone")
        first = self._offsets[bisect_right(self._offsets, position) - 1]
        if first != self._held:
            self._data = self._batch.slices.get(offset=first).open()
            self._held = first
        return first


def _check_directory(file: io.BufferedIOBase) -> None:
    """Raise BadZipFile where the list of members is too long to be read at all.

    APPNOTE.TXT 4.3.16; a ZIP of the size that is taken needs none of the later, larger kind.
    """
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - END_LENGTH - 0xFFFF - LATER_LENGTH))
    tail = file.read()
    # Each that may be taken for the end: which one zipfile takes is its own affair.
    for found in re.finditer(re.escape(END), tail):
        _check_end(tail, found.start())


def _check_end(tail: bytes, place: int) -> None:
    if len(tail) - place < END_LENGTH:
        return
    if tail[max(0, place - LATER_LENGTH) :].startswith(LATER):
        raise zipfile.BadZipFile("it is of the kind for more than 65,535 files")
    count, size = struct.unpack_from("<10xHI", tail, place)
    if count > settings.MAX_IMPORT_FILES or size > settings.MAX_IMPORT_FILES * ENTRY_LENGTH:
        raise zipfile.BadZipFile(f"it holds more than {settings.MAX_IMPORT_FILES:,} files")


@contextmanager
def opened(batch: Import) -> Iterator[zipfile.ZipFile]:
    """Open the ZIP of an import. Raises ``invalid_request`` for what is none; SealBrokenError."""
    file = io.BufferedReader(Slices(batch))
    try:
        _check_directory(file)
        archive = zipfile.ZipFile(file)
    except UNREADABLE as error:
        raise RecognitionError(
            "invalid_request",
            f"The ZIP cannot be read: {error}.",
            hint="Pack the folder anew and send it again.",
        ) from error
    with archive:
        yield archive


def entries(archive: zipfile.ZipFile) -> list[Entry]:
    """Return the members of a ZIP in its order, folders included, whose paths end with ``/``."""
    return [
        Entry(_name(info).replace("\\", "/"), info.file_size, _fault(info))
        for info in archive.infolist()
    ]


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name: many programs write UTF-8 and do not say so."""
    if info.flag_bits & UTF_8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _fault(info: zipfile.ZipInfo) -> Fault | None:
    kind = stat.S_IFMT(info.external_attr >> 16)  # Unix; 0 elsewhere
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return Fault("unsafe_name", "It is a link or a device.", "Pack the file itself.")
    if info.flag_bits & ENCRYPTED:
        return Fault("encrypted", "It is encrypted.", "Pack it without a password.")
    if info.compress_type not in TAKEN:
        return Fault("unsupported_member", "It is packed in an unusual way.", "Use deflate.")
    if info.file_size > max(info.compress_size, 1) * RATIO and info.file_size > 2**20:
        return Fault("unsupported_member", "It is packed too tightly for a picture.")
    return None


def extent(archive: zipfile.ZipFile, place: int) -> tuple[int, int]:
    """Return where the member at ``place`` begins in the ZIP, its header included, and ends."""
    begins = archive.infolist()[place].header_offset
    others = [info.header_offset for info in archive.infolist() if info.header_offset > begins]
    return begins, min([*others, archive.start_dir])


def read(archive: zipfile.ZipFile, place: int) -> bytes | Fault:
    """Return the bytes of the member at ``place``, or why there are none.

    It is unpacked as far as a picture may be long, whatever its header promises.
    """
    try:
        with archive.open(archive.infolist()[place]) as member:
            data = member.read(settings.MAX_IMAGE_BYTES + 1)
    except (*UNREADABLE, RuntimeError) as error:  # RuntimeError: it is encrypted after all
        return Fault("unsupported_member", f"It cannot be unpacked: {error}.", "Pack it anew.")
    if len(data) > settings.MAX_IMAGE_BYTES:
        said = f"The file has more than {settings.MAX_IMAGE_BYTES:,} bytes."
        return Fault("image_too_large", said, "Send a smaller picture.")
    return data
