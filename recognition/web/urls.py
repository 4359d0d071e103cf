"""The pages under /console/."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from recognition.web import account, home, recognise, users

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
    path("live", recognise.LivePage.as_view(), name="live"),
]
