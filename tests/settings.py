"""Facesite's own settings, cut off from the environment and the .env of whoever runs the tests."""

import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for name in re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "facesite" / "settings.py").read_text()):
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)

os.environ.pop("FACE_MASTER_KEY", None)
DATA = Path(tempfile.mkdtemp(prefix="facesite-tests-"))
# Converting takes a while: the networks of one run serve the next (they are checked at load).
NETWORKS = ROOT / ".pytest_cache" / "facesite-networks"
os.environ["FACESITE_ENV_FILE"] = os.devnull
os.environ["FACESITE_DATA_DIR"] = str(DATA)
for name in ("REGISTER", "VERIFY", "IDENTIFY", "DEFAULT", "SESSION"):
    os.environ[f"RATE_{name}"] = ""  # the tests of the limits set their own
if database := os.environ.get("FACESITE_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = database
if milvus := os.environ.get("FACESITE_TEST_MILVUS_URI"):
    os.environ |= {"GALLERY_ENGINE": "milvus", "MILVUS_URI": milvus}

from facesite.settings import *  # noqa: E402, F403  # the environment had to be set first

NETWORKS_FOLDERS = [NETWORKS]
STATIC_ROOT.mkdir(parents=True)  # noqa: F405  # whitenoise warns where it is missing
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, tests only
