"""All settings of Facesite, read from the environment and from ``.env`` beside ``manage.py``.

The environment wins over ``.env``. Every name may also be given as ``<NAME>_FILE``: the file's
content is the value, as container secrets want it. ``.env.example`` lists all of them.
Wrong values are reported by ``manage.py check`` (see ``recognition/checks.py``).
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from facesite.environment import Environment
from facesite.secrets import made_once
from recognition.threads import core_count

BASE_DIR = Path(__file__).resolve().parent.parent
# Where .env and var/ are: the clone, or, of a wheel, the folder that the command was started in.
HOME = BASE_DIR if (BASE_DIR / "manage.py").exists() else Path.cwd()
env = Environment()
# A test run must not depend on the .env of whoever runs it.
Environment.read_env(os.environ.get("FACESITE_ENV_FILE", str(HOME / ".env")))

DATA_DIR = Path(env.str("FACESITE_DATA_DIR", "") or HOME / "var").resolve()
os.umask(0o077)  # what is written is for this user alone
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold faces and keys in the clear
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- Serving ---------------------------------------------------------------------------------
DEBUG = False
HOST = env.str("HOST", "") or "127.0.0.1"  # empty would be every address that there is
PORT = env.int("PORT", 8000)
TLS = env.bool("TLS", False)
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", 1)
CORES = core_count()
# Requests with pictures in each process (recognition/admission.py), measured on 2 cores
# (docs/decisions.md): computed at once, and waiting for that.
MAX_RUNNING = env.int("MAX_RUNNING", max(1, CORES // max(1, WEB_CONCURRENCY)))
MAX_WAITING = env.int("MAX_WAITING", 32)
SECRET_KEY = env.str("SECRET_KEY", "") or made_once(DATA_DIR / "secret.key")
LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]"]
# Opened to the network, the machine is reached under names and addresses nobody can list here.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if HOST in LOCAL_NAMES else ["*"])
ALLOWED_HOSTS += LOCAL_NAMES  # health checks call from this machine
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # believed from TRUSTED_PROXIES alone
# Everybody calls by https: because of TLS=1, or because a proxy in front speaks it.
HTTPS = env.bool("FACESITE_HTTPS", TLS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
# Asked by this machine, which speaks http to itself.
SECURE_REDIRECT_EXEMPT = [r"^(api/v1/)?(health(/ready)?|metrics)$"]
HSTS_SECONDS = env.int("HSTS_SECONDS", 365 * 24 * 3600)
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS else 0
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
# No script or style that is no file of ours and lacks the nonce of its page; /docs/ and the
# browsable API alone may have styles inside (recognition/api/base.py).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
ROOT_URLCONF = "facesite.urls"
WSGI_APPLICATION = "facesite.wsgi.application"
APPEND_SLASH = False
CSRF_FAILURE_VIEW = "recognition.api.problems.csrf_failure"

# A worker has no pages: those of the admin import everything, which is 40 MB of an idle one.
ADMIN = "django.contrib.admin.apps."
ADMIN += "SimpleAdminConfig" if sys.argv[1:2] == ["worker"] else "AdminConfig"

INSTALLED_APPS = [
    ADMIN,
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tasks_db",
    "csp",
    "axes",
    "recognition",
]

MIDDLEWARE = [
    "facesite.middleware.RequestLog",
    "facesite.middleware.TrustedProxies",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "recognition" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database --------------------------------------------------------------------------------
# IMMEDIATE takes the write lock at BEGIN: without it four writers get "database is locked".
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 60,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
        "PRAGMA foreign_keys=ON;"
    ),
}
DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{DATA_DIR / 'facesite.sqlite3'}")}
if "ENGINE" not in DATABASES["default"]:
    raise ImproperlyConfigured("DATABASE_URL is no address: write postgres://user:password@host/db")
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
else:
    DATABASES["default"]["PASSWORD"] = env.str(
        "DATABASE_PASSWORD", DATABASES["default"].get("PASSWORD", "")
    )
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", 600)
# The wrapped keys of people: in a database of their own (recognition/vault/).
KEYS_DATABASE = env.db("KEYS_DATABASE_URL", f"sqlite:///{DATA_DIR / 'keys.sqlite3'}")
if "ENGINE" not in KEYS_DATABASE:
    raise ImproperlyConfigured("KEYS_DATABASE_URL is no address, as DATABASE_URL has them")
if KEYS_DATABASE["ENGINE"].endswith("sqlite3"):
    KEYS_DATABASE["OPTIONS"] = SQLITE_OPTIONS
else:
    KEYS_DATABASE["PASSWORD"] = env.str("KEYS_DATABASE_PASSWORD", KEYS_DATABASE.get("PASSWORD", ""))
    KEYS_DATABASE |= {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 60}
# Read as a path and not by its content: `rotate_keys` writes the file while servers run.
FACE_MASTER_KEY_FILE = Path(env.str("FACE_MASTER_KEY_FILE", "") or DATA_DIR / "master.key")
FACE_MASTER_KEY = os.environ.get("FACE_MASTER_KEY", "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: holds only what can be rebuilt ----------------------------------------------------
REDIS_HOST = env.str("REDIS_HOST", "")
REDIS_PORT = env.int("REDIS_PORT", 6379)
REDIS_PASSWORD = env.str("REDIS_PASSWORD", "")
_password = f":{quote(REDIS_PASSWORD, safe='')}@" if REDIS_PASSWORD else ""
REDIS_URL = env.str(
    "REDIS_URL", f"redis://{_password}{REDIS_HOST}:{REDIS_PORT}/0" if REDIS_HOST else ""
)
REDIS_PREFIX = env.str("REDIS_PREFIX", "facesite")
REDIS_TIMEOUT = 0.2  # seconds, which is what a hung Redis costs a request
LOCAL_CACHE = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "facesite",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
REDIS_CACHE = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": REDIS_PREFIX,
    "OPTIONS": {
        "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT,
        "SOCKET_TIMEOUT": REDIS_TIMEOUT,
        # Never pickled: whoever can write into Redis could run code here.
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
        # A retry with back-off inside the client would multiply the time-out.
        "CONNECTION_POOL_KWARGS": {"retry": None, "max_connections": 64},
    },
}
CACHES = {"default": LOCAL_CACHE}
if REDIS_URL:
    CACHES = {
        "default": {"BACKEND": "facesite.cache.FallbackCache", "LOCATION": "redis,local"},
        "redis": REDIS_CACHE,
        "local": LOCAL_CACHE,
    }
# django-ratelimit warns of every cache it does not know to be shared. Ours asks Redis and only
# when that fails LocMemCache; several processes without Redis are told of by facesite.W001.
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]
if HTTPS:
    # HSTS for the names below this host's, and in the lists that come with browsers: both are for
    # who owns the domain to promise, since other services there would have to keep it for years.
    SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]

# --- Where galleries are searched ------------------------------------------------------------
GALLERY_ENGINE = env.str("GALLERY_ENGINE", "exact")
MILVUS_URI = env.str("MILVUS_URI", "")
MILVUS_TOKEN = env.str("MILVUS_TOKEN", "")
MILVUS_PREFIX = env.str("MILVUS_PREFIX", "facesite")
MILVUS_TIMEOUT = env.int("MILVUS_TIMEOUT", 5)  # seconds for one call
MILVUS_INDEX = env.str("MILVUS_INDEX", "FLAT")  # the only kind that misses nobody
MILVUS_INDEX_PARAMS = env.json("MILVUS_INDEX_PARAMS", {})
MILVUS_SEARCH_PARAMS = env.json("MILVUS_SEARCH_PARAMS", {})
MILVUS_TURN_KEY = env.str("MILVUS_TURN_KEY", "")
if GALLERY_ENGINE == "milvus" and not MILVUS_TURN_KEY:
    MILVUS_TURN_KEY = made_once(DATA_DIR / "milvus-turn.key")

# --- Faces -----------------------------------------------------------------------------------
NETWORKS_DIR = env.str("FACESITE_NETWORKS_DIR", "")
NETWORKS_FOLDERS = [Path(p) for p in (NETWORKS_DIR, DATA_DIR / "networks") if p]
FACENET_WEIGHTS = env.str("FACENET_WEIGHTS", "")
FACENET_SHA256 = env.str("FACENET_SHA256", "")
FACE_MODEL = env.str("FACE_MODEL", "auto")
FACE_DETECTION_CONFIDENCE = env.float("FACE_DETECTION_CONFIDENCE", 0.9)
FACE_MATCHING_THRESHOLD = env.float("FACE_MATCHING_THRESHOLD", None)
FACE_TARGET_FMR = env.float("FACE_TARGET_FMR", 1e-3)  # /verify, /compare
FACE_TARGET_FPIR = env.float("FACE_TARGET_FPIR", 1e-2)  # /identify
FACE_AMBIGUITY_MARGIN = env.float("FACE_AMBIGUITY_MARGIN", None)
FACE_MIN_SIZE = env.int("FACE_MIN_SIZE", 40)
# Of a request that is alone; in company each has one thread.
INFERENCE_THREADS = env.int("INFERENCE_THREADS", min(2, max(1, CORES // max(1, WEB_CONCURRENCY))))
KEEP_CROPS = env.bool("KEEP_CROPS", True)
EVENTS_KEEP = env.int("EVENTS_KEEP", 90)  # days
# Nobody is registered or matched whose consent is not valid (recognition/consent.py).
CONSENT_REQUIRED = env.bool("CONSENT_REQUIRED", False)
# Days without a match after which people are erased, 0 for never (recognition/retention.py).
RETENTION_UNMATCHED_DAYS = env.int("RETENTION_UNMATCHED_DAYS", 0)
# Where the newest hash of the chain of events is written, for whoever cannot alter both.
AUDIT_HEAD_FILE = Path(env.str("AUDIT_HEAD_FILE", "") or DATA_DIR / "audit.head")
AUDIT_SYSLOG = env.str("AUDIT_SYSLOG", "")

MAX_IMAGE_BYTES = env.int("MAX_IMAGE_BYTES", 10 * 1024 * 1024)
MAX_IMAGE_PIXELS = env.int("MAX_IMAGE_PIXELS", 50_000_000)
MAX_REQUEST_BYTES = env.int("MAX_REQUEST_BYTES", 64 * 1024 * 1024)
MAX_IMAGES = 10
# Uploads stay in memory: Django's default writes files over 2.5 MB to a temporary folder.
FILE_UPLOAD_HANDLERS = ["recognition.api.uploads.MemoryUpload"]
# Counted by MemoryUpload and the JSON parser, which answer 413 as problem+json.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_BYTES
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# --- Imports: work that a worker does (``manage.py worker``) -------------------------------------
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
IMPORT_WORKER = env.bool("IMPORT_WORKER", True)  # whether `serve` also runs one
MAX_IMPORT_BYTES = env.int("MAX_IMPORT_BYTES", 4 * 1024**3)
MAX_IMPORT_FILES = env.int("MAX_IMPORT_FILES", 20_000)

# --- Watching ------------------------------------------------------------------------------------
METRICS_KEY = env.str("METRICS_KEY", "")  # wanted at /metrics; empty: this machine alone may ask

# --- The API -----------------------------------------------------------------------------------
API_KEY = env.str("API_KEY", "")
RATE_REGISTER = env.str("RATE_REGISTER", "5/m")
RATE_VERIFY = env.str("RATE_VERIFY", "10/m")
RATE_IDENTIFY = env.str("RATE_IDENTIFY", "10/m")
RATE_DEFAULT = env.str("RATE_DEFAULT", "30/m")
RATE_SESSION = env.str("RATE_SESSION", "600/m")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "recognition.api.authentication.ApiKeyAuthentication",
        "recognition.api.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["recognition.api.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": [
        "recognition.api.uploads.BoundedJSONParser",
        "rest_framework.parsers.MultiPartParser",
        "rest_framework.parsers.FormParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "recognition.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "recognition.api.renderers.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "recognition.api.problems.answer_exception",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Facesite",
    "DESCRIPTION": "Register, verify and identify faces on your own machine.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["recognition.api.schema.root_paths_only"],
    "POSTPROCESSING_HOOKS": [
        "recognition.api.schema.with_codes",
        "recognition.api.schema.empty_is_not_sent",
    ],
}

# --- Signing in, in the console and in the admin: counted by django-axes ------------------------
SIGN_IN_FAILURES = env.int("SIGN_IN_FAILURES", 10)
SIGN_IN_WAIT = env.int("SIGN_IN_WAIT", 15)  # minutes
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = SIGN_IN_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=SIGN_IN_WAIT)
# By address and not by name: whoever knows an administrator's name could lock them out.
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "recognition.signins.counted_address"
AXES_USERNAME_CALLABLE = "recognition.signins.no_name"
AXES_LOCKOUT_CALLABLE = "recognition.web.account.locked_out"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says how long it lasts
AXES_DISABLE_ACCESS_LOG = True  # sign-ins are events
# Masked in what is kept of a failed sign-in: `next` leads to somebody's page, perhaps.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "next"]
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset_ip ADDRESS` lets somebody in again
AXES_VERBOSE = False

# --- The rest -----------------------------------------------------------------------------------
LOGIN_URL = "console:sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "staticfiles": {"BACKEND": "facesite.storage.StaticFiles"},
}

LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise ImproperlyConfigured("LOG_LEVEL is DEBUG, INFO, WARNING or ERROR")
LOG_FORMAT = env.str("LOG_FORMAT", "console")
if LOG_FORMAT not in {"console", "json"}:
    raise ImproperlyConfigured("LOG_FORMAT is console or json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"()": "facesite.logs.ConsoleFormatter"},
        "json": {"()": "facesite.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # The request's own line says status and code; a second one per 4xx is noise.
        "django.request": {"level": "CRITICAL"},
        "django.security": {"level": "CRITICAL"},
        "django.server": {"level": "CRITICAL"},
        # Each failed sign-in is an event, and a lock-out a line of this level.
        "axes": {"level": "WARNING"},
        # It tells which of its libraries it takes for this processor.
        "faiss.loader": {"level": "WARNING"},
        # On DEBUG they tell what a log may not hold: what stands in a picture beside the pixels,
        # all variables of a page, the values of queries, what is sent to Milvus.
        "PIL": {"level": "WARNING"},
        "django.template": {"level": "INFO"},
        "django.db.backends": {"level": "INFO"},
        "pymilvus": {"level": "WARNING"},
        # The converters of networks tell every step.
        "onnx_ir": {"level": "WARNING"},
        "onnxscript": {"level": "WARNING"},
    },
}
