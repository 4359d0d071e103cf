"""The addresses of the calls, without a slash at the end, as the original system had them."""

from __future__ import annotations

from django.urls import path

from recognition.api import decisions, galleries, health, users, views

REFERENCE = "users/<str:user_id>/references/<str:reference_id>"

urlpatterns = [
    path("register", views.RegisterView.as_view(), name="register"),
    path("verify", views.VerifyView.as_view(), name="verify"),
    path("identify", views.IdentifyView.as_view(), name="identify"),
    path("users/<str:user_id>", users.UserView.as_view(), name="user"),
    path("users/<str:user_id>/export", users.ExportView.as_view(), name="export"),
    path("unregister/<str:user_id>", users.UnregisterView.as_view(), name="unregister"),
    path("users", users.UsersView.as_view(), name="users"),
    path(REFERENCE, users.ReferenceView.as_view(), name="reference"),
    path(f"{REFERENCE}/crop", users.CropView.as_view(), name="crop"),
    path("detect", views.DetectView.as_view(), name="detect"),
    path("compare", views.CompareView.as_view(), name="compare"),
    path("galleries", galleries.GalleriesView.as_view(), name="galleries"),
    path("galleries/<str:name>", galleries.GalleryView.as_view(), name="gallery"),
    path("decisions/<str:decision_id>", decisions.DecisionView.as_view(), name="decision"),
    path("health", health.HealthView.as_view(), name="health"),
    path("health/ready", health.ReadyView.as_view(), name="ready"),
]
