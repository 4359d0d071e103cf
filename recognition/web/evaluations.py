"""What was measured here (``manage.py evaluate``): a list, and a page of tables and plots each."""

from __future__ import annotations

from typing import ClassVar

from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from recognition.evaluation import stored
from recognition.evaluation.telling import facts_of, headline_of, tables_of
from recognition.web.base import ConsolePage

A_PAGE = 20
#: What a plot shows, for who does not see it.
PLOTS = {
    "scores": _("Similarities of genuine and impostor comparisons"),
    "det": _("FNMR by FMR"),
    "roc": _("Share of genuine comparisons accepted, by FMR"),
    "search": _("FNIR by FPIR"),
    "stress": _("FNMR of spoilt probes, by step"),
}


class EvaluationsPage(ConsolePage):
    """List the evaluations, the newest first."""

    permissions: ClassVar = {"GET": "view_gallery"}
    section = "evaluations"

    def get(self, request: HttpRequest) -> HttpResponse:
        page = Paginator(stored.newest_first(), A_PAGE).get_page(request.GET.get("page"))
        found = [stored.find(name) for name in page]
        shown = [(one.name, one.report, headline_of(one.report)) for one in found]
        return self.show("evaluations.html", shown=shown, page=page)


class EvaluationPage(ConsolePage):
    """Show the tables and plots of one evaluation."""

    permissions: ClassVar = {"GET": "view_gallery"}
    section = "evaluations"

    def get(self, request: HttpRequest, evaluation: str) -> HttpResponse:
        found = stored.find(evaluation)
        return self.show(
            "evaluation.html",
            name=found.name,
            report=found.report,
            facts=facts_of(found.report),
            tables=list(tables_of(found.report)),
            plots=[(name, PLOTS[name]) for name in PLOTS if name in found.plots],
        )


class PlotView(ConsolePage):
    """Answer with one plot, a PNG."""

    permissions: ClassVar = {"GET": "view_gallery"}

    def get(self, request: HttpRequest, evaluation: str, plot: str) -> FileResponse:
        return FileResponse(stored.plot(evaluation, plot).open("rb"), content_type="image/png")
