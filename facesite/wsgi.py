"""What gunicorn serves: ``facesite.wsgi:application``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from facesite.body import BoundedBody

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
application = BoundedBody(get_wsgi_application())

from recognition import runtime  # noqa: E402  # Django's models, which it imports, are ready now

runtime.serve()  # in a worker, after the fork
