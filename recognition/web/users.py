"""Who is known: the list of users, erasing some of them, and their small pictures."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import DEFAULT_GALLERY, IN_LIMIT, Reference, SubjectQuerySet
from recognition.web.base import ConsolePage, gallery_names, told

PAGE_SIZE = 25
#: What the list can be sorted by, as its columns name it; the id decides between equals.
SORTS = {
    "user_id": "user_id",
    "name": "display_name",
    "active": "active",
    "references": "reference_count",
    "created": "created",
    "updated": "updated",
}
YES_OR_NO = {"yes": True, "no": False}
FILTERS = ("search", "active", "references")
PLACE = (*FILTERS, "sort", "page")  # what of the list's address tells which part is looked at
MOST_ERASED = 10_000  # users at once; more than those are a gallery's, which can be emptied
ERASED_SHOWN = 100  # of them, before it is done
#: Shown for people of whom no crop is kept: a missing picture would be an error in the browser.
NOBODY = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><path fill="#8a94a3" '
    'd="M24 25a9 9 0 1 0 0-18 9 9 0 0 0 0 18zm0 4c-9 0-16 5-16 12h32c0-7-7-12-16-12z"/></svg>'
)


class UsersPage(ConsolePage):
    """The users of a gallery: searched, filtered, sorted, in pages."""

    permissions: ClassVar = {"GET": "view_subject"}
    section = "users"

    def get(self, request: HttpRequest) -> HttpResponse:
        gallery = self.gallery()
        users = sorted_by(filtered(services.list_users(gallery), request.GET), request.GET)
        page = Paginator(users, PAGE_SIZE).get_page(request.GET.get("page"))
        return self.show(
            "users.html",
            gallery=gallery.name,
            galleries=gallery_names(),
            page=page,
            columns=columns(request.GET),
            sorts=sorts(),
            sort=chosen_sort(request.GET),
            narrowed=narrowing(request.GET),
            kept=place(request.GET),
            query=urlencode(place(request.GET)),
        )


def filtered(users: SubjectQuerySet, asked: QueryDict) -> SubjectQuerySet:
    """Return those whom ``search``, ``active`` and ``references`` leave."""
    if search := asked.get("search", "").strip().replace("\0", ""):
        users = users.matching(search)
    if asked.get("active") in YES_OR_NO:
        users = users.filter(active=YES_OR_NO[asked["active"]])
    if asked.get("references") in YES_OR_NO:
        has_some = Exists(Reference.objects.filter(subject=OuterRef("pk")))
        users = users.filter(has_some if YES_OR_NO[asked["references"]] else ~has_some)
    return users


def narrowing(asked: QueryDict) -> dict[str, str]:
    """Return the filters that are in force."""
    return {name: asked[name] for name in FILTERS if asked.get(name)}


def place(asked: QueryDict) -> dict[str, str]:
    """Return what leads back to the same part of the list."""
    return {name: asked[name] for name in PLACE if asked.get(name)}


def list_query(gallery: str, asked: QueryDict) -> str:
    """Return the query of the list's address for the part of it that ``asked`` names."""
    return urlencode({"gallery": gallery, **place(asked)})


def sorted_by(users: SubjectQuerySet, asked: QueryDict) -> SubjectQuerySet:
    name, backwards = sorting(asked)
    return users.order_by(f"{'-' if backwards else ''}{SORTS[name]}", "user_id")


def sorting(asked: QueryDict) -> tuple[str, bool]:
    """Return the column that ``sort`` names, and whether the list goes backwards."""
    sort = asked.get("sort", "")
    name = sort.removeprefix("-")
    return (name, sort.startswith("-")) if name in SORTS else ("user_id", False)


def chosen_sort(asked: QueryDict) -> str:
    name, backwards = sorting(asked)
    return f"-{name}" if backwards else name


def titles() -> dict[str, str]:
    return {
        "user_id": _("User id"),
        "name": _("Name"),
        "active": _("Active"),
        "references": _("References"),
        "created": _("Registered"),
        "updated": _("Changed"),
    }


def sorts() -> list[tuple[str, str]]:
    """Return what the list can be sorted by: on a telephone there are no heads to click."""
    up, down = _("%(column)s, upwards"), _("%(column)s, downwards")
    return [
        (f"{sign}{name}", said % {"column": title})
        for name, title in titles().items()
        for sign, said in (("", up), ("-", down))
    ]


def columns(asked: QueryDict) -> list[dict[str, Any]]:
    """Return the columns with what a click on each sorts by."""
    chosen, backwards = sorting(asked)
    return [
        {
            "name": name,
            "title": title,
            "sort": f"-{name}" if name == chosen and not backwards else name,
            "order": ("descending" if backwards else "ascending") if name == chosen else "",
        }
        for name, title in titles().items()
    ]


class UnregisterPage(ConsolePage):
    """Ask whether users shall be erased, then erase them.

    ``user_id`` comes once for each ticked user; ``only`` names one, whatever is ticked; ``every``
    means all whom the list's filters leave, on every page of it.
    """

    permissions: ClassVar = {"GET": "delete_subject", "POST": "delete_subject"}
    section = "users"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._ask(request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "sure" not in request.POST:
            return self._ask(request.POST)
        users = chosen_users(request.POST)
        count = users.count()
        if count > 1 and request.POST.get("typed", "").strip() != str(count):
            return self._ask(request.POST, error=_("This is not their number."))
        done = ngettext("%(count)s user is erased.", "%(count)s users are erased.", count)
        return told(
            request,
            lambda: services.erase_subjects(users, actor=self.actor),
            done % {"count": count},
            to=self._list(request.POST),
        )

    def _ask(self, asked: QueryDict, *, error: str = "") -> HttpResponse:
        users = chosen_users(asked)
        if not (count := users.count()):
            return HttpResponseRedirect(self._list(asked))
        every = "every" in asked and "only" not in asked
        shown = list(users[:ERASED_SHOWN] if every else users)
        return self.show(
            "unregister.html",
            gallery=gallery_in(asked),
            users=shown,
            count=count,
            more=count - len(shown),
            every=every,
            kept=place(asked),
            back=self._list(asked),
            references=Reference.objects.filter(subject__in=users.order_by().values("pk")).count(),
            error=error,
            status=400 if error else 200,
        )

    def _list(self, asked: QueryDict) -> str:
        """Return the address of the list where the choice was made."""
        return f"{reverse('console:users')}?{list_query(gallery_in(asked), asked)}"


def gallery_in(asked: QueryDict) -> str:
    return asked.get("gallery") or DEFAULT_GALLERY


def chosen_users(asked: QueryDict) -> SubjectQuerySet:
    """Return the users of a gallery who were ticked, the ``only`` one, or ``every`` one found."""
    users = services.list_users(services.find_gallery(gallery_in(asked)))
    if "only" not in asked and "every" in asked:
        users = filtered(users, asked)
        if users.count() > MOST_ERASED:
            raise RecognitionError("invalid_request", _too_many(MOST_ERASED))
        return users
    names = [asked["only"]] if "only" in asked else asked.getlist("user_id")
    if len(names) > IN_LIMIT:
        raise RecognitionError("invalid_request", _too_many(IN_LIMIT))
    return users.filter(user_id__in=[name for name in names if "\0" not in name])


def _too_many(most: int) -> str:
    return _("%(most)s users at once at most. Narrow the list, or empty the gallery.") % {
        "most": most
    }


class ThumbnailView(ConsolePage):
    """The oldest crop that is kept of a person, as JPEG; a silhouette where none is kept."""

    permissions: ClassVar = {"GET": "view_subject"}

    def get(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        user = services.find_user(services.find_gallery(gallery), user_id)
        return picture(user.references.filter(sealed_crop__isnull=False).first())


def picture(reference: Reference | None) -> HttpResponse:
    """Return the crop of a reference as JPEG, a silhouette where none is kept."""
    if reference is None or (crop := reference.crop) is None:
        return HttpResponse(NOBODY, content_type="image/svg+xml")
    return HttpResponse(crop, content_type="image/jpeg")
