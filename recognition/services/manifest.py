"""What an import is to do with each file, by its path alone: for whom it is, or why it is for none.

The rule is that of ``register_folder``: one folder a person, the pictures right in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from recognition.import_models import Import, ImportFile
from recognition.services.folders import Named, claimed_id, is_picture, people_of, shown

LONGEST_PATH = 1000  # characters
DRIVE = re.compile(r"[A-Za-z]:")
# What Windows and macOS leave in folders and in ZIPs, and nobody means.
LEFTOVERS = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file is refused, whatever is in it."""

    code: str
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a folder or a ZIP: its path with ``/``, its size in bytes."""

    path: str
    size: int
    fault: Fault | None = None

    @property
    def parts(self) -> list[str]:
        return self.path.split("/")

    @property
    def is_folder(self) -> bool:
        return self.path.endswith("/")

    @property
    def is_hidden(self) -> bool:
        return any(p.startswith(".") or p.lower() in LEFTOVERS for p in self.parts)


@dataclass(slots=True)
class Manifest:
    """The files of ``batch``, and whom its folders are of; ``root`` folders hold all of them."""

    batch: Import
    entries: Sequence[Entry]
    root: int = 0
    named: Named = field(default_factory=Named)

    def rows(self) -> list[ImportFile]:
        """Return a row for each file, not stored yet."""
        files = {place: e for place, e in enumerate(self.entries) if not e.is_folder}
        usable = [e for e in files.values() if not (fault_of(e) or e.is_hidden)]
        self.root = depth_of_root(usable)
        inner = [entry.parts[self.root :] for entry in usable]
        folders = dict.fromkeys(parts[0] for parts in inner if len(parts) > 1)
        self.named = people_of(folders, self.batch.gallery)
        return [self._row(place, entry) for place, entry in files.items()]

    def _row(self, place: int, entry: Entry) -> ImportFile:
        path = shown(entry.path)[:LONGEST_PATH]
        row = ImportFile(batch=self.batch, place=place, path=path, size=entry.size)
        row.state = ImportFile.AWAITED
        if fault := fault_of(entry):
            return _refused(row, fault)
        folder = entry.parts[min(self.root, len(entry.parts) - 1)]
        # Whoever is erased takes the lines with them that tell of their folder.
        row.user_id = claimed_id(folder)
        if reason := self._passed_over(entry):
            row.state, row.detail = ImportFile.PASSED_OVER, reason
            return row
        if folder in self.named.left_out:
            said = f"{shown(folder)}: {self.named.left_out[folder]}."
            return _refused(row, Fault("left_out", said))
        person = self.named.people[folder]
        row.user_id, row.display_name = person.user_id, person.display_name
        too_large = _too_large(entry)
        return _refused(row, too_large) if too_large else row

    def _passed_over(self, entry: Entry) -> str:
        """Return why nobody looks at a file, empty where it is a picture of somebody."""
        if entry.is_hidden:
            return "It is hidden, or belongs to the system."
        parts = entry.parts[self.root :]
        if len(parts) < 2:
            return "It is in no person's folder."
        if len(parts) > 2:
            return "It lies in a folder within a person's folder."
        return "" if is_picture(parts[-1]) else "It is no picture."


def depth_of_root(entries: Sequence[Entry]) -> int:
    """Return how many folders hold everything, and are no person's.

    One that holds all, as when a folder of people is dropped or packed as a whole, is a person's
    where at least as many pictures lie right in it as further below.
    """
    paths = [entry.parts for entry in entries if is_picture(entry.path)]
    depth = 0
    while len({parts[depth] for parts in paths}) == 1:
        below = Counter(len(parts) > depth + 2 for parts in paths)
        if below[True] <= below[False]:
            break
        depth += 1
        paths = [parts for parts in paths if len(parts) > depth + 1]
    return depth


def fault_of(entry: Entry) -> Fault | None:
    """Return why a file cannot be taken by its path, or what a ZIP says of it."""
    if entry.fault:
        return entry.fault
    first, *_ = parts = entry.parts
    if ".." in parts or not first or DRIVE.match(first):
        return Fault("unsafe_name", "Its path leads out of the folder.", "Pack the folder anew.")
    if len(entry.path) > LONGEST_PATH:
        return Fault("unsafe_name", "Its path is too long.", "Use shorter names.")
    return None


def _too_large(entry: Entry) -> Fault | None:
    limit = settings.MAX_IMAGE_BYTES
    if entry.size <= limit:
        return None
    said = f"The file has {entry.size:,} bytes; {limit:,} are allowed."
    return Fault("image_too_large", said, "Send a smaller picture.")


def _refused(row: ImportFile, fault: Fault) -> ImportFile:
    row.state, row.code = ImportFile.REFUSED, fault.code
    row.detail, row.hint = fault.detail, fault.hint
    return row
