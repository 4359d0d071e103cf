"""Bulk registration: folders and ZIPs are taken in bit by bit, and their imports watched.

A browser lists a folder's files first and then sends those that are wanted; a ZIP it sends in
slices. Without JavaScript a form sends one ZIP as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from recognition import runtime
from recognition.api.problems import DATABASE_AWAY, answer, refusal_of
from recognition.errors import RecognitionError
from recognition.import_models import Import, ImportFile, Worker
from recognition.models import DEFAULT_GALLERY
from recognition.services import find_gallery, imports
from recognition.services.manifest import Entry
from recognition.web.base import ConsolePage, gallery_names, require, told
from recognition.web.consent import SaidForm, read
from recognition.web.exports import csv_answer
from recognition.web.files import AnySize, TakesFiles, token_refusal

REPORT = (
    "file", "user_id", "display_name", "outcome", "code", "detail", "hint", "reference_id",
    "possible_duplicates",
)  # fmt: skip
SLICE = 4 * 2**20  # bytes of a ZIP that a browser sends at once
SHOWN = 100  # files on a page
LISTED = 100  # imports, the latest


class ImportView(ConsolePage):
    """A page about imports, or a call that a page's script makes."""

    permissions: ClassVar = {"GET": "view_subject", "POST": "add_subject"}
    section = "imports"

    def answered(self, act: Callable[[], HttpResponse]) -> HttpResponse:
        """Return the JSON that ``act`` answers with, or why that was refused."""
        try:
            return act()
        except (RecognitionError, RequestDataTooBig, *DATABASE_AWAY) as error:
            refused = refusal_of(error)
            assert refused is not None  # noqa: S101  # each kind has one; for mypy
            return answer(refused, self.request)


class Received(TakesFiles, ImportView):
    """A page or a call to which files are sent: so many are taken at once as pictures are."""

    def received(self, act: Callable[[], HttpResponse]) -> HttpResponse:
        """Read the request, check its token, and answer by ``act``."""
        with runtime.places().sending():
            return token_refusal(self.request) or act()


class ImportsPage(Received):
    """What was imported, and where folders and ZIPs are dropped."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request.GET.get("gallery") or DEFAULT_GALLERY, SaidForm())

    def page(
        self, gallery: str, consent: SaidForm, refused: RecognitionError | None = None
    ) -> HttpResponse:
        """Show the page with its form, filled in as it was and with why it was refused."""
        batches = list(Import.objects.select_related("gallery")[:LISTED])
        return self.show(
            "imports.html",
            status=refused.problem.status if refused else 200,
            batches=list(zip(batches, imports.tallies(batches), strict=True)),
            galleries=gallery_names(),
            gallery=gallery,
            worker=Worker.objects.alive().exists(),
            consent=consent,
            consent_required=settings.CONSENT_REQUIRED,
            errors=refused.errors if refused else {},
            refused=None if refused and refused.errors else refused,
            limits=limits(),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.content_type == "application/json":
            return self.answered(lambda: self.received(self.begin))
        request.upload_handlers.insert(0, AnySize(request))
        return self.received(self.form)

    def form(self) -> HttpResponse:
        """Take what the form sent, or show it again with what is to be mended."""
        try:
            return self.whole_zip()
        except RecognitionError as error:
            require(self.request, "view_subject")  # the list stands on this page too
            sent = self.request.POST
            gallery = sent.get("gallery") or DEFAULT_GALLERY
            return self.page(gallery, SaidForm(sent), error)

    def begin(self) -> HttpResponse:
        """Begin what a browser will send: ``files``, pairs of path and size, or ``size``."""
        sent = _json(self.request)
        gallery = find_gallery(str(sent.get("gallery") or DEFAULT_GALLERY))
        name = str(sent.get("name", ""))
        filled_in = sent.get("consent")
        consent = read(filled_in if isinstance(filled_in, dict) else {})
        if "files" in sent:
            entries = _entries(sent["files"])
            batch = imports.begin_folder(gallery, name, entries, self.actor, consent=consent)
        else:
            size = _size(sent.get("size"))
            batch = imports.begin_zip(gallery, name, size, self.actor, consent=consent)
        return JsonResponse({"address": address(batch), "awaited": list(imports.awaited(batch))})

    def whole_zip(self) -> HttpResponse:
        """Import the ZIP that a form sent."""
        gallery = find_gallery(self.request.POST.get("gallery") or DEFAULT_GALLERY)
        file = self.request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            raise RecognitionError("invalid_request", _("No file was sent."), hint=_("Choose one."))
        sizes = (file.name or "", file.size or 0)
        consent = read(self.request.POST.dict())
        batch = imports.begin_zip(gallery, *sizes, self.actor, consent=consent)
        try:
            while data := file.read(SLICE):
                imports.receive_slice(batch, file.tell() - len(data), data)
            imports.complete(batch, self.actor)
        except RecognitionError:
            imports.discard(batch, self.actor)
            raise
        return HttpResponseRedirect(address(batch))


class FilesCall(Received):
    """Take files of a folder; each is named by its place in the list."""

    def post(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self.answered(lambda: self.received(lambda: self.take(import_id)))

    def take(self, import_id: UUID) -> HttpResponse:
        batch = imports.find(import_id)
        files = {_size(place): file.read() for place, file in self.request.FILES.items()}
        imports.receive_files(batch, files)
        return JsonResponse({"received": len(files)})


class SlicesCall(Received):
    """Take a slice of a ZIP; answer up to which byte it is there."""

    def post(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self.answered(lambda: self.received(lambda: self.take(import_id)))

    def take(self, import_id: UUID) -> HttpResponse:
        batch = imports.find(import_id)
        file = self.request.FILES.get("slice")
        data = file.read() if isinstance(file, UploadedFile) else b""
        offset = _size(self.request.POST.get("offset"))
        return JsonResponse({"received": imports.receive_slice(batch, offset, data)})


class ImportPage(ImportView):
    """How far an import is, and what became of each file."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        batch = imports.find(import_id)
        progress = imports.progress(batch)
        state = request.GET.get("state", "")
        files = batch.files.defer("data")
        if state in dict(ImportFile.STATES):
            files = files.filter(state=state)
        page = Paginator(files, SHOWN).get_page(request.GET.get("page"))
        page.object_list = list(imports.with_alike(list(page.object_list)))
        return self.show(
            "import.html",
            batch=batch,
            progress=progress,
            states=[(n, text, progress["counts"][n]) for n, text in ImportFile.STATES],
            state=state,
            page=page,
            limits=limits(),
        )


class ProgressCall(ImportView):
    """How far an import is, for the page that asks every second."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self.answered(lambda: JsonResponse(imports.progress(imports.find(import_id))))


class AwaitedCall(ImportView):
    """What is still to be sent, for a browser that goes on with an upload."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self.answered(lambda: self.told(imports.find(import_id)))

    def told(self, batch: Import) -> HttpResponse:
        awaited = [[place, path] for place, path in imports.awaited(batch).items()]
        whole = {"kind": batch.kind, "size": batch.size, "received": batch.received}
        return JsonResponse({"address": address(batch), "awaited": awaited, **whole})


class ActPage(ImportView):
    """Something done with an import: by a form, or by a script, which gets the progress."""

    http_method_names: ClassVar = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """Lead who reloads the address of the form back to it."""
        return HttpResponseRedirect(reverse("console:import", args=[import_id]))

    def post(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        if request.headers.get("Accept") == "application/json":
            return self.answered(lambda: self.done(import_id))
        batch = imports.find(import_id)
        done, to = self.said(batch)
        return told(request, lambda: self.act(batch), done, to=to)

    def done(self, import_id: UUID) -> HttpResponse:
        self.act(imports.find(import_id))
        return JsonResponse(imports.progress(imports.find(import_id)))

    def act(self, batch: Import) -> None:
        raise NotImplementedError

    def said(self, batch: Import) -> tuple[str, str]:
        """Return what is said afterwards, and on which page."""
        raise NotImplementedError


class CompletePage(ActPage):
    def act(self, batch: Import) -> None:
        imports.complete(batch, self.actor)

    def said(self, batch: Import) -> tuple[str, str]:
        return _("The import begins."), address(batch)


class CancelPage(ActPage):
    def act(self, batch: Import) -> None:
        imports.cancel(batch, self.actor)

    def said(self, batch: Import) -> tuple[str, str]:
        return _("The import is cancelled. What was registered stays."), address(batch)


class DiscardPage(ActPage):
    def act(self, batch: Import) -> None:
        imports.discard(batch, self.actor)

    def said(self, batch: Import) -> tuple[str, str]:
        return _("The import was discarded. Nobody was unregistered."), reverse("console:imports")


class ReportPage(ImportView):
    """What became of each file, as CSV."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        batch = imports.find(import_id)
        name = f"import-{batch.created:%Y-%m-%d}-{batch.pk.hex[:8]}.csv"
        return csv_answer(name, report_rows(batch))


def report_rows(batch: Import) -> Iterator[tuple[Any, ...]]:
    """Yield the heads and what became of each file."""
    yield REPORT
    for file, alike in imports.report(batch):
        yield (
            file.path, file.user_id, file.display_name, file.get_state_display(), file.code,
            file.detail, file.hint, file.reference or "",
            " ".join(f"{user_id} {similarity:.4f}" for user_id, similarity in alike),
        )  # fmt: skip


def limits() -> dict[str, int]:
    """Return how many bytes and files may be sent at once: a script's parts, a form's request."""
    return {
        "slice": min(SLICE, settings.MAX_IMAGE_BYTES),
        "files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "batch": min(2 * SLICE, settings.MAX_REQUEST_BYTES // 2),
        "request": settings.MAX_REQUEST_BYTES,
    }


def address(batch: Import) -> str:
    """Return the address of an import's page."""
    return reverse("console:import", args=[batch.pk])


def _json(request: HttpRequest) -> Mapping[str, Any]:
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise RecognitionError("invalid_request", "This is not JSON.") from error
    if not isinstance(sent, dict):
        raise RecognitionError("invalid_request", "This is no JSON object.")
    return sent


def _entries(files: Any) -> list[Entry]:
    try:
        return [Entry(str(path).lstrip("/"), _size(size)) for path, size in files]
    except (TypeError, ValueError) as error:
        said = "files must be a list of pairs of path and size."
        raise RecognitionError("invalid_request", said) from error


def _size(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise RecognitionError("invalid_request", "This is no whole number from 0 on.")
    return int(text)
