"""The Django admin: galleries, people, API keys and events, for staff alone.

Whatever is done to a face here goes through ``services``, as it does in the API and the commands.
"""

from django.contrib import admin
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult
from rest_framework_api_key.models import APIKey

from recognition.admin.events import EventAdmin
from recognition.admin.galleries import GalleryAdmin
from recognition.admin.keys import ApiKeyAdmin
from recognition.admin.subjects import SubjectAdmin
from recognition.models import ApiKey, Event, Gallery, Subject

admin.site.site_header = admin.site.site_title = "Facesite"
admin.site.index_title = _("Administration")
admin.site.site_url = reverse_lazy("console:home")
admin.site.register(Gallery, GalleryAdmin)
admin.site.register(Subject, SubjectAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(Event, EventAdmin)
# The package's own keys open nothing here: ours have scopes and galleries.
admin.site.unregister(APIKey)
# A task only wakes a worker; imports have a page of their own.
admin.site.unregister(DBTaskResult)
