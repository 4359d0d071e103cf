"""What people read for the words that programs use: acts, outcomes, states.

The one table of them. Pages and the admin reach it by the filters of ``templatetags/labels.py``.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recognition.errors import FOR_PEOPLE, PROBLEMS

Labels = dict[str, str | Promise]

#: What an event may tell of.
ACTS: Labels = {
    "register": _("register"),
    "verify": _("verify"),
    "identify": _("identify"),
    "compare": _("compare two pictures"),
    "detect": _("find faces"),
    "view": _("look at a person"),
    "update": _("change a person"),
    "unregister": _("unregister"),
    "delete_reference": _("remove a reference"),
    "export": _("export"),
    "import": _("import"),
    "audit": _("audit a gallery"),
    "review": _("review"),
    "create_gallery": _("make a gallery"),
    "rename_gallery": _("rename a gallery"),
    "set_threshold": _("set a threshold"),
    "set_targets": _("set error rates"),
    "set_retention": _("set how long people are kept"),
    "delete_gallery": _("delete a gallery"),
    "reembed": _("change the embedder"),
    "forget_embeddings": _("forget embeddings"),
    "store_calibration": _("store a calibration"),
    "activate_calibration": _("decide by a calibration"),
    "deactivate_calibration": _("leave a calibration"),
    "create_key": _("make a key"),
    "change_key": _("change a key"),
    "revoke_key": _("revoke a key"),
    "delete_key": _("delete a key"),
    "rotate_keys": _("change the master key"),
    "sign_in": _("sign in"),
    "sign_out": _("sign out"),
    "create_user": _("make an account"),
    "change_user": _("change an account"),
    "delete_user": _("delete an account"),
    "create_group": _("make a role"),
    "change_group": _("change a role"),
    "delete_group": _("delete a role"),
    "settings": _("settings in force"),
    "backup": _("back up"),
    "restore": _("restore a backup"),
    "purge": _("erase what is due"),
    "mend_erasures": _("finish erasures"),
    "begin_chain": _("begin the chain of events anew"),
}
#: What may have come of an act, besides the codes of errors.
OUTCOMES: Labels = {
    "ok": _("done"),
    "match": _("match"),
    "ambiguous": _("ambiguous"),
    "unknown": _("unknown"),
    "not_searched": _("not searched"),
    "verified": _("verified"),
    "refused": _("refused"),
    "locked_out": _("locked out"),
    "begun": _("begun"),
    "done": _("done"),
    "cancelled": _("cancelled"),
    "discarded": _("discarded"),
    "client_gone": _("hung up"),
}
#: How an outcome is marked; what is not here is an error.
MARKS = {"match": "good", "verified": "good", "ok": "good", "done": "good", "ambiguous": "warn"}
MARKS |= dict.fromkeys(("unknown", "refused", "not_searched", "begun", "cancelled"), "")
MARKS |= dict.fromkeys(("discarded", "client_gone"), "")
#: What answering needs, and how it is with that (``/health/ready``).
HEALTH: Labels = {
    "database": _("Database"),
    "redis": _("Redis"),
    "networks": _("Networks"),
    "gallery": _("Gallery"),
    "keys": _("Keys of people"),
    "engine": _("Milvus"),
    "ok": _("well"),
    "not ok": _("not well"),
    "off": _("not used"),
    "differs": _("differs from the database"),
}
#: Fields of forms that come to the API as well, as their pages call them.
FIELDS: Labels = {
    "user_id": _("User id"),
    "display_name": _("Display name"),
    "file": _("Picture"),
    "gallery": _("Gallery"),
    "threshold": _("Threshold"),
    "lawful_basis": _("Lawful basis"),
    "consent_version": _("Version of the text"),
    "consent_given": _("Given on"),
    "consent_expires": _("Holds until"),
    "retain_until": _("Kept until"),
    "request": _("Request"),
}
#: Steps of a review.
STEPS: Labels = {
    "merge": _("merged"),
    "move": _("moved"),
    "set_aside": _("set aside"),
    "not_same": _("not the same"),
}


def label(table: Labels, code: str) -> str:
    """Return what ``table`` calls ``code``; what it does not know is made legible."""
    return str(table.get(code) or code.replace("_", " "))


def outcome_label(outcome: str) -> str:
    """Return an outcome in words; of an error, its title."""
    problem = PROBLEMS.get(outcome)
    return gettext(problem.title) if problem else label(OUTCOMES, outcome)


def outcomes() -> list[tuple[str, str]]:
    """Return every outcome there can be, with its words."""
    return [(code, outcome_label(code)) for code in (*OUTCOMES, *PROBLEMS)]


def advised(hint: str) -> str:
    """Return what a person is told where a program is told ``hint``."""
    return gettext(FOR_PEOPLE.get(hint, hint)) if hint else ""
