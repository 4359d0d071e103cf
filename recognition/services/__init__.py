"""The acts that cross pipeline, gallery and database; API, admin and commands call these."""

from recognition.services.erasure import (
    delete_gallery,
    delete_reference,
    erase_references,
    erase_subjects,
    unregister,
)
from recognition.services.people import (
    create_gallery,
    find_gallery,
    find_reference,
    find_user,
    list_users,
    rename_gallery,
    set_retention,
    set_targets,
    set_threshold,
    update_user,
    view_user,
)
from recognition.services.personal import export_person
from recognition.services.recognition import compare, detect, identify, verify
from recognition.services.registration import RegisterOptions, register

__all__ = [
    "RegisterOptions",
    "compare",
    "create_gallery",
    "delete_gallery",
    "delete_reference",
    "detect",
    "erase_references",
    "erase_subjects",
    "export_person",
    "find_gallery",
    "find_reference",
    "find_user",
    "identify",
    "list_users",
    "register",
    "rename_gallery",
    "set_retention",
    "set_targets",
    "set_threshold",
    "unregister",
    "update_user",
    "verify",
    "view_user",
]
