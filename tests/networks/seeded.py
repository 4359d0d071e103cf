"""FaceNet without its weights: the same network with seeded random numbers, made once and kept."""

from __future__ import annotations

from pathlib import Path

from recognition.networks.files import locked, sha256_of
from recognition.networks.prepare import Prepared, prepare
from recognition.networks.store import NetworkStore

CLASSES = 8631  # the published file also holds the classifier of VGGFace2's training people
_SEED = 20180402


def seeded_weights(folder: Path) -> Path:
    """Return a file like the published one: FaceNet's state dict, classifier included."""
    path = folder / "seeded.pt"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".seeded-lock"):
        if not path.exists():
            _write(path)
    return path


def prepare_seeded(store: NetworkStore, folder: Path) -> Prepared:
    """Make every network ready, FaceNet from seeded random numbers; quick the second time."""
    weights = seeded_weights(folder)
    return prepare(
        store,
        facenet_weights=weights,
        facenet_sha256=sha256_of(weights),
        download_dir=folder,
        want_facenet=True,
        say=print,
    )


def _write(path: Path) -> None:
    import torch
    from facenet_pytorch import InceptionResnetV1

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(_SEED)
        module = InceptionResnetV1(pretrained=None, classify=True, num_classes=CLASSES)
        for part in module.modules():
            if hasattr(part, "momentum"):
                part.momentum = 1.0  # one batch settles the running means
        # Blurred colours: noise looks all the same to a network, and it then sees no difference.
        colours = torch.rand(8, 3, 5, 5) * 2 - 1
        module.train()(torch.nn.functional.interpolate(colours, (160, 160), mode="bicubic"))
        temporary = path.with_suffix(".writing")
        torch.save(module.state_dict(), temporary)
    temporary.replace(path)
