"""The pages under /console/."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control

from recognition.web import (
    account,
    activity,
    decisions,
    evaluations,
    galleries,
    home,
    imports,
    keys,
    person,
    recognise,
    review,
    users,
)
from recognition.web.texts import Texts

app_name = "console"
PERSON = "users/<gallery>/<user_id>"
EVALUATION = "evaluations/<slug:evaluation>"
REFERENCE = f"{PERSON}/references/<reference_id>"
# Texts change with the version alone; a page that shows the old ones for an hour is still right.
texts = cache_control(max_age=3600)(Texts.as_view(packages=["recognition"]))

urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("sign-in", account.SignIn.as_view(), name="sign_in"),
    path("sign-out", account.SignOut.as_view(), name="sign_out"),
    path("texts", texts, name="texts"),
    path("register", recognise.RegisterPage.as_view(), name="register"),
    path("verify", recognise.VerifyPage.as_view(), name="verify"),
    path("identify", recognise.IdentifyPage.as_view(), name="identify"),
    path("users", users.UsersPage.as_view(), name="users"),
    path("users/unregister", users.UnregisterPage.as_view(), name="unregister"),
    path(PERSON, person.PersonPage.as_view(), name="user"),
    path(f"{PERSON}/thumbnail", users.ThumbnailView.as_view(), name="thumbnail"),
    path(f"{PERSON}/consent", person.ConsentPage.as_view(), name="consent"),
    path(f"{PERSON}/export", person.ExportView.as_view(), name="export"),
    path(REFERENCE, person.ReferencePage.as_view(), name="reference"),
    path(f"{REFERENCE}/crop", person.CropView.as_view(), name="crop"),
    path("activity", activity.ActivityPage.as_view(), name="activity"),
    path("activity.csv", activity.ActivityCsv.as_view(), name="activity_csv"),
    path("decisions/<decision_id>", decisions.DecisionPage.as_view(), name="decision"),
    path("review", review.ReviewPage.as_view(), name="review"),
    path("attendance", activity.AttendancePage.as_view(), name="attendance"),
    path("attendance.csv", activity.AttendanceCsv.as_view(), name="attendance_csv"),
    path("galleries", galleries.GalleriesPage.as_view(), name="galleries"),
    path("galleries/<name>", galleries.GalleryPage.as_view(), name="gallery"),
    path("galleries/<name>/rename", galleries.RenamePage.as_view(), name="rename"),
    path("galleries/<name>/empty", galleries.EmptyPage.as_view(), name="empty"),
    path("galleries/<name>/delete", galleries.DeletePage.as_view(), name="delete"),
    path("keys", keys.KeysPage.as_view(), name="keys"),
    path("keys/<prefix>", keys.KeyPage.as_view(), name="key"),
    path("keys/<prefix>/revoke", keys.RevokePage.as_view(), name="revoke"),
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
    path("evaluations", evaluations.EvaluationsPage.as_view(), name="evaluations"),
    path(EVALUATION, evaluations.EvaluationPage.as_view(), name="evaluation"),
    path(f"{EVALUATION}/<slug:plot>.png", evaluations.PlotView.as_view(), name="plot"),
    path("live", recognise.LivePage.as_view(), name="live"),
]
