"""What answers at which address: the API at the root and under /api/v1/, pages, the docs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from recognition.api import urls as api
from recognition.api.base import inline_styles
from recognition.api.health import CallsView
from recognition.api.metrics import MetricsView
from recognition.web import urls as console

calls = [path("", CallsView.as_view(patterns=api.urlpatterns), name="calls"), *api.urlpatterns]


class Icon(RedirectView):
    """Where browsers look for an icon that a page does not name."""

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        return static("console/icon.svg")


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="console:home")),
    path("", include(api)),
    path("api/v1", RedirectView.as_view(pattern_name="v1:calls")),
    path("api/v1/", include((calls, "v1"))),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("docs/", inline_styles(SpectacularSwaggerSplitView.as_view()), name="docs"),
    path("console", RedirectView.as_view(pattern_name="console:home")),
    path("console/", include(console)),
    path("admin/", admin.site.urls),
    path("favicon.ico", Icon.as_view()),
]

handler400 = "recognition.api.problems.handler400"
handler403 = "recognition.api.problems.handler403"
handler404 = "recognition.api.problems.handler404"
handler500 = "recognition.api.problems.handler500"
