"""The pages under /console/."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from recognition.web import account, home, imports, recognise, users

app_name = "console"
# Texts change with the version alone; a page that shows the old ones for an hour is still right.
texts = cache_control(max_age=3600)(JavaScriptCatalog.as_view(packages=["recognition"]))

urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("sign-in", account.SignIn.as_view(), name="sign_in"),
    path("sign-out", account.SignOut.as_view(), name="sign_out"),
    path("texts", texts, name="texts"),
    path("register", recognise.RegisterPage.as_view(), name="register"),
    path("verify", recognise.VerifyPage.as_view(), name="verify"),
    path("identify", recognise.IdentifyPage.as_view(), name="identify"),
    path("users", home.HomePage.as_view(), name="users"),
    path("users/<gallery>/<user_id>", home.HomePage.as_view(), name="user"),
    path("users/<gallery>/<user_id>/thumbnail", users.ThumbnailView.as_view(), name="thumbnail"),
    path("imports", imports.ImportsPage.as_view(), name="imports"),
    path("imports/<uuid:import_id>", imports.ImportPage.as_view(), name="import"),
    path(
        "imports/<uuid:import_id>/progress", imports.ProgressCall.as_view(), name="import_progress"
    ),
    path("imports/<uuid:import_id>/awaited", imports.AwaitedCall.as_view(), name="import_awaited"),
    path("imports/<uuid:import_id>/files", imports.FilesCall.as_view(), name="import_files"),
    path("imports/<uuid:import_id>/slices", imports.SlicesCall.as_view(), name="import_slices"),
    path(
        "imports/<uuid:import_id>/complete", imports.CompletePage.as_view(), name="import_complete"
    ),
    path("imports/<uuid:import_id>/cancel", imports.CancelPage.as_view(), name="import_cancel"),
    path("imports/<uuid:import_id>/discard", imports.DiscardPage.as_view(), name="import_discard"),
    path("imports/<uuid:import_id>/report.csv", imports.ReportPage.as_view(), name="import_report"),
    path("live", recognise.LivePage.as_view(), name="live"),
]
