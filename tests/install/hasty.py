"""gunicorn's configuration with less patience, so that its tests are quick."""

import facesite.gunicorn
from facesite.gunicorn import *  # noqa: F403  # a configuration

facesite.gunicorn.HEADER_SECONDS = 0.5
facesite.gunicorn.BODY_SECONDS = 1.0
facesite.gunicorn.GOODBYE_SECONDS = 1.0
