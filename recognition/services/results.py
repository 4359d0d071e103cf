"""What goes into a service and what comes out; serializers and commands show these."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from recognition.decisions import Decision, Policy
from recognition.errors import RecognitionError
from recognition.pipeline.quality import Fault
from recognition.pipeline.types import Box, Face


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture as it was sent: its bytes, and the client's name for it (only ever repeated)."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: ``key:<prefix>``, ``user:<username>``, ``command:<name>`` or ``worker:<job>``."""

    name: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which face of a picture is meant: by index, by box, or, with neither, the principal one.

    ``min_face_size``: pixels, 20 to 400; None: the setting ``FACE_MIN_SIZE``.
    """

    face: int | None = None
    box: Box | None = None
    min_face_size: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One face in an answer: ``index`` in the picture's faces, ``found`` how many there are."""

    face: Face
    index: int
    found: int


@dataclass(frozen=True, slots=True)
class Looked:
    """One face of a picture and everything that is wrong with it."""

    face: Face
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is in a picture: ``width`` and ``height`` in pixels when upright, largest face first."""

    width: int
    height: int
    faces: list[Looked]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture that became a reference, or was one already (``new`` False)."""

    index: int
    filename: str
    reference_id: str
    face: Face
    new: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """A picture that was refused, and why."""

    index: int
    filename: str
    error: RecognitionError


@dataclass(frozen=True, slots=True)
class Match:
    """A person in an answer. ``similarity``: cosine, -1 to 1; ``threshold``: what they must reach,
    which rises with their references."""

    user_id: str
    display_name: str
    similarity: float
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of the pictures given for one user; nothing was written on a dry run.

    ``duplicates_checked`` False: the engine could not be asked for ``possible_duplicates``.
    """

    user_id: str
    accepted: list[Accepted]
    rejected: list[Rejected]
    possible_duplicates: list[Match]
    total_references: int
    model: str
    dry_run: bool = False
    duplicates_checked: bool = True


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer to "is this ``user_id``?" (1:1). ``similarity`` None: nothing to compare with."""

    user_id: str
    verified: bool
    similarity: float | None
    policy: Policy
    reason: str
    seen: Seen
    model: str
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer to "are these two the same person?"."""

    verified: bool
    similarity: float
    policy: Policy
    seen: tuple[Seen, Seen]
    model: str
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """One face of a probe with the decision about it; ``candidates`` includes people below."""

    face: Face
    decision: Decision
    matches: list[Match]
    candidates: list[Match]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One person named for several faces of a picture; ``faces``: their places."""

    user_id: str
    faces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer to "who is this?" (1:N), largest face first."""

    faces: list[Identified]
    principal: int | None
    policy: Policy
    people: int
    model: str
    timings_ms: dict[str, float] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    decision_id: int | None = None

    @property
    def matches(self) -> list[Match]:
        """The matches of the principal face."""
        return [] if self.principal is None else self.faces[self.principal].matches


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of one person's erasure; ``user_hash``: HMAC-SHA-256 of gallery and user_id."""

    id: str
    time: datetime
    user_hash: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased."""

    subjects: int = 0
    references: int = 0
    crops: int = 0
    templates: int = 0
    receipts: tuple[Receipt, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        found = asdict(self)
        del found["receipts"]
        return found
