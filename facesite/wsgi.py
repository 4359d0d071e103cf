"""What gunicorn serves: ``facesite.wsgi:application``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from facesite.body import BoundedBody

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
application = BoundedBody(get_wsgi_application())
