"""Change a gallery's embedder in a process of its own that is killed on its way.

``reembed_killed.py MOMENT FOLDER PHOTOGRAPH...``: registers the photographs where nobody is known,
and is killed while it stores the second embedding ("storing"), while it changes over ("changing"),
or not at all ("never"). FOLDER: for the calibrations.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "facesite.settings"
django.setup()

from recognition import runtime, services  # noqa: E402  # Django comes first
from recognition.models import OtherEmbedding, Subject  # noqa: E402  # Django comes first
from recognition.runtime import DLIB  # noqa: E402  # Django comes first
from recognition.services import RegisterOptions, reembedding  # noqa: E402  # Django comes first
from recognition.services.results import Actor, Upload  # noqa: E402  # Django comes first
from tests.services.test_reembed import PLAIN, Plain, make_calibrations  # noqa: E402  # Django comes first

ACTOR = Actor("command:tests")


def killed_after(act: Callable[..., Any], times: int) -> Callable[..., Any]:
    """Return ``act``, at whose end the process is killed when it was called so many times."""
    calls = []

    def killing(*args: Any, **options: Any) -> Any:
        done = act(*args, **options)
        calls.append(1)
        if len(calls) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return killing


def main(moment: str, folder: str, *photographs: str) -> None:
    real = runtime.network
    runtime.EMBEDDERS[PLAIN] = Plain
    runtime.network = lambda name: real(DLIB if name == PLAIN else name)
    make_calibrations(Path(folder))
    for number, photograph in enumerate(photographs if not Subject.objects.exists() else ()):
        upload = Upload(photograph, Path(photograph).read_bytes())
        gallery = services.find_gallery("default")
        services.register(gallery, f"person-{number}", [upload], RegisterOptions(), ACTOR)
    reembedding.BATCH = 1
    if moment == "storing":
        stored = OtherEmbedding.objects
        stored.bulk_create = killed_after(stored.bulk_create, 2)
    if moment == "changing":
        reembedding._make_templates = killed_after(reembedding._make_templates, 1)
    gallery = services.find_gallery("default")
    print("embedded", sum(reembedding.stage(gallery, PLAIN)))
    reembedding.activate(gallery, PLAIN, actor=ACTOR)
    found = services.identify(
        services.find_gallery("default"),
        Upload("again", Path(photographs[0]).read_bytes()),
        actor=ACTOR,
    )
    print(found.model, [match.user_id for match in found.matches])


if __name__ == "__main__":
    main(*sys.argv[1:])
