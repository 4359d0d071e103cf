"""Begin an import of a folder and complete it: ``begin_import.py FOLDER``; run by a test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django


def main(folder: Path) -> None:
    from recognition.models import Gallery
    from recognition.services import imports
    from recognition.services.manifest import Entry
    from recognition.services.results import Actor

    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [Entry(str(path.relative_to(folder)), path.stat().st_size) for path in paths]
    actor = Actor("user:tests")
    batch = imports.begin_folder(Gallery.objects.get(), folder.name, entries, actor)
    for place in imports.awaited(batch):
        imports.receive_files(batch, {place: paths[place].read_bytes()})
    imports.complete(batch, actor)
    print(batch.pk)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    django.setup()
    main(Path(sys.argv[1]))
