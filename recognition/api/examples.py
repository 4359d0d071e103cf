"""Answers as they look, for the API's description."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

MODEL = "dlib-resnet-v1"
FACE = {
    "box": {"x": 355.2, "y": 107.9, "width": 230.4, "height": 291.3},
    "landmarks": {
        "left_eye": [418.1, 221.7],
        "right_eye": [521.0, 218.3],
        "nose": [470.9, 283.5],
        "mouth_left": [426.8, 330.4],
        "mouth_right": [519.2, 327.9],
    },
    "detection_probability": 0.9998,
    "quality": {
        "size": 230.4,
        "sharpness": 0.71,
        "brightness": 128.4,
        "yaw": -3.1,
        "pitch": 2.4,
        "roll": -1.9,
    },
}
MATCH = {
    "user_id": "ada",
    "display_name": "Ada Lovelace",
    "similarity": 0.964113,
    "threshold": 0.94475,
}

PICTURE = "data:image/jpeg;base64,..."
# What stands in a JSON body to begin with.
SAMPLES = {
    "user_id": "ada",
    "image": PICTURE,
    "images": [PICTURE],
    "image1": PICTURE,
    "image2": PICTURE,
    "name": "visitors",
}


def answer(value: object, status: str) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[status])


ANSWERS = {
    "register": [
        answer(
            {
                "user_id": "ada",
                "message": "ada is registered: 1 of 1 images accepted.",
                "dry_run": False,
                "accepted": [
                    {
                        "index": 0,
                        "filename": "ada.jpg",
                        "reference_id": "6f9f4a0e-5c0e-4f7e-9d8a-3a3f0f6f2b11",
                        "new": True,
                        "face": FACE,
                    }
                ],
                "rejected": [],
                "possible_duplicates": [],
                "duplicates_checked": True,
                "total_references": 1,
                "model": MODEL,
            },
            "201",
        )
    ],
    "verify": [
        answer(
            {
                "user_id": "ada",
                "verified": True,
                "similarity": MATCH["similarity"],
                "threshold": 0.93095,
                "threshold_source": "calibration",
                "expected": {"fmr": 0.001, "fnmr": 0.0479, "references": 1},
                "calibration": "dlib-resnet-v1-lfw-view-1-2026-11-26",
                "warning": None,
                "decision_id": 4711,
                "reason": "The similarity 0.964 reaches the threshold 0.931.",
                "face": FACE,
                "face_index": 0,
                "faces_found": 1,
                "liveness": {"checked": False},
                "model": MODEL,
            },
            "200",
        )
    ],
    "compare": [
        answer(
            {
                "verified": True,
                "similarity": MATCH["similarity"],
                "threshold": 0.93095,
                "threshold_source": "calibration",
                "expected": {"fmr": 0.001, "fnmr": 0.0479, "references": 1},
                "calibration": "dlib-resnet-v1-lfw-view-1-2026-11-26",
                "warning": None,
                "decision_id": 4711,
                "faces": [FACE, FACE],
                "faces_found": [1, 1],
                "model": MODEL,
            },
            "200",
        )
    ],
    "identify": [
        answer(
            {
                "faces": [
                    {
                        "face": FACE,
                        "status": "match",
                        "reason": "The similarity 0.964 reaches the threshold 0.945.",
                        "margin": 0.0812,
                        "matches": [MATCH],
                        "candidates": [],
                    }
                ],
                "matches": [MATCH],
                "principal": 0,
                "conflicts": [],
                "total_registered_faces": 100,
                "threshold": 0.94475,
                "threshold_source": "calibration",
                "expected": {"fpir": 0.01, "fnir": 0.172, "references": 1},
                "calibration": "dlib-resnet-v1-lfw-view-1-2026-11-26",
                "warning": None,
                "decision_id": 4711,
                "message": "1 face: 1 match.",
                "model": MODEL,
                "timings_ms": {"decode": 3.1, "detect": 21.4, "embed": 24.0, "search": 0.2},
            },
            "200",
        )
    ],
    "detect": [
        answer({"picture": {"width": 640, "height": 480}, "faces": [{**FACE, "faults": []}]}, "200")
    ],
    "unregister": [
        answer(
            {
                "message": "ada is erased.",
                "user_id": "ada",
                "erased": {"subjects": 1, "references": 3, "crops": 3, "templates": 1},
                "receipt": {
                    "id": "6f1c0a5e-2f0b-4b6e-9a55-0d6a4c6ba1a7",
                    "time": "2026-11-25T12:00:00Z",
                    "user_hash": "9b" * 32,
                    "counts": {"references": 3, "crops": 3},
                },
            },
            "200",
        )
    ],
}

PROBLEM = OpenApiExample(
    "problem",
    value={
        "type": "urn:facesite:problem:invalid_request",
        "title": "The request is not valid",
        "status": 400,
        "code": "invalid_request",
        "detail": "treshold: There is no such field here. Did you mean threshold?",
        "hint": "Correct the fields named in `errors` and send it again.",
        "request_id": "0f1d5d0c5f0e4a7b9d3f6a1c2b3e4d5f",
        "errors": {"treshold": ["There is no such field here. Did you mean threshold?"]},
    },
    response_only=True,
    status_codes=["400"],
    media_type="application/problem+json",
)
