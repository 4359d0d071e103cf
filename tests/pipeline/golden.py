"""What the pipeline made of the fixtures: ``python -m tests.pipeline.golden FOLDER`` renews it.

FOLDER holds the converted networks. A change here is a change of every stored embedding's meaning.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from recognition.networks.session import OnnxNetwork
from recognition.networks.store import NetworkStore
from recognition.pipeline.detect import Detector
from recognition.pipeline.embed import DlibResNet
from recognition.pipeline.extract import Extractor
from recognition.pipeline.quality import QualityLimits
from tests.pipeline import faces

FILE = Path(__file__).with_name("golden.json")


def made(extractor: Extractor) -> dict[str, Any]:
    """Return box, landmarks, probability and embedding of each fixture's face."""
    result = {}
    for name in faces.NAMES:
        picture = faces.picture(faces.photo(name))
        (face,) = extractor.embed(picture, extractor.detect(picture))
        box = face.detection.outline
        assert face.embedding is not None
        result[name] = {
            "outline": [round(side, 2) for side in (box.x, box.y, box.width, box.height)],
            "landmarks": face.detection.landmarks.round(2).tolist(),
            "probability": round(face.detection.probability, 5),
            "embedding": [round(float(value), 5) for value in face.embedding],
        }
    return result


def main(folder: Path) -> None:
    store = NetworkStore([folder])
    nets = {
        name: OnnxNetwork(store.find(name))
        for name in ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet", "dlib-resnet-v1")
    }
    *mtcnn, resnet = nets.values()
    extractor = Extractor(Detector(*mtcnn), DlibResNet(resnet), QualityLimits())
    lines = [f"{json.dumps(name)}: {json.dumps(what)}" for name, what in made(extractor).items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
