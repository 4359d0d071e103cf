"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding: ``state`` ok, warning or fault; what about, in words; what to do."""

    state: str
    topic: str
    said: str
    remedy: str = ""


def ok(topic: str, said: str) -> Verdict:
    return Verdict(OK, topic, said)


def warning(topic: str, said: str, remedy: str) -> Verdict:
    return Verdict(WARNING, topic, said, remedy)


def fault(topic: str, said: str, remedy: str) -> Verdict:
    return Verdict(FAULT, topic, said, remedy)


def first_line(error: Exception) -> str:
    """Return what an error says, without the values that databases add below."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def size(count: float) -> str:
    """Return bytes in words: GB are 10^9."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
