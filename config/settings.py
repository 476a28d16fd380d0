"""Settings, all from the environment; every secret also as NAME_FILE. Profiles: demo, test, production.

Production has no default for anything that matters: what is missing stops the start with one line.
"""

import base64
import logging
import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from kombu import Queue

from config import logs
from config.environment import Environment, MissingSetting, read_runtime

BASE_DIR = Path(__file__).resolve().parent.parent
PROFILE = os.environ.get("BREAKGLASS_PROFILE", "demo")
if PROFILE not in ("demo", "test", "production"):
    raise MissingSetting(f"BREAKGLASS_PROFILE is {PROFILE!r}: it must be demo, test or production")
PRODUCTION = PROFILE == "production"
STATE_DIR = Path(os.environ.get("BREAKGLASS_STATE") or BASE_DIR / ".breakglass").absolute()
env = Environment(os.environ, *([read_runtime(STATE_DIR / "runtime.env")] if PROFILE == "demo" else []))
# Outside production a demo may start from nothing; `manage.py up` replaces these by generated ones.
_DEMO_KEY = "demo-only-key-that-protects-nothing-and-is-never-used-in-production"


def _needed(name: str, demo: str) -> str:
    """In production from the environment or not at all."""
    value: str = env.required(name) if PRODUCTION else env.str(name, demo)
    return value


# --- keys and addresses -------------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = _needed("SECRET_KEY", _DEMO_KEY)
FIELD_KEYS = env.field_keys(_needed("FIELD_KEYS", base64.urlsafe_b64encode(_DEMO_KEY[:32].encode()).decode()))
PUBLIC_URL = env.address("PUBLIC_URL", _needed("PUBLIC_URL", "http://localhost:8000"), "https", "http").rstrip("/")
ALLOWED_HOSTS: list[str] = [
    host.strip() for host in _needed("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",") if host.strip()
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
METRICS_TOKEN = _needed("METRICS_TOKEN", "")

# --- rooms --------------------------------------------------------------------------------------------------------
ROOMS = ("ledger", "work", "accounts", "integrations", "notify", "governance", "runbooks", "incidents")
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "channels",
    "csp",
    "django_filters",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "rest_framework",
    "rules",
    *ROOMS,
    "config",  # last: its ready() closes the registries
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "csp.middleware.CSPMiddleware",  # before whatever may answer by itself: a bad host, a redirect, a static file
    "config.integrity.module_integrity",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.health.AskedByAddress",
    "incidents.inbound.intake.Intake",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.activity.Activity",
    "django_htmx.middleware.HtmxMiddleware",
    "config.errors.ErrorAnswers",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- database, broker, live updates -------------------------------------------------------------------------------
DATABASE_URL = _needed("DATABASE_URL", "postgres://breakglass@127.0.0.1:54320/breakglass")
# The web process asks for a pool (config/asgi.py); workers keep one connection a thread.
DATABASE_POOL: int = env.int("DATABASE_POOL", 0)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {**env.database(DATABASE_URL, postgres=PRODUCTION), "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": None}
}
if DATABASE_POOL:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 2, "max_size": DATABASE_POOL, "timeout": 10}
# For `ledger.statements` alone: what the ORM says is never prepared. Off behind a pooler that gives each transaction
# another connection.
if env.bool("DATABASE_PREPARE", True) and DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 2
REDIS_URL = env.address(
    "REDIS_URL", _needed("REDIS_URL", "redis://127.0.0.1:56379/0"), "redis", "rediss", "redis+sentinel", "unix"
)
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}
CACHES = {"default": {"BACKEND": "accounts.cache.ForgivingRedisCache", "LOCATION": REDIS_URL}}

# --- Celery: hints only; what must happen is a row in `work` -------------------------------------------------------
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "health_check_interval": 10,
    "queue_order_strategy": "priority",  # of Redis: in the order in which the queues are listed
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# In the order in which workers look into them: what beat says waits behind no hints, for the sweep that makes up for
# lost ones must come when there are many; what is urgent waits behind no crowd.
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("beat", "urgent", "default")]
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 2.0  # within what `up` grants before it insists
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_DB_REUSE_MAX = 1_000_000  # health-checked before each task instead (config/celery.py)
CELERY_TIMEZONE = "UTC"
# Seconds from one to the next. What was not begun by then is not begun any more: the next one does as well.
_EVERY = {
    "work.sweep": 2.0,
    "incidents.anchor.daily": 600.0,
    "runbooks.rehearsals": 20.0,
    "governance.exchange": 30.0,
    "incidents.inbound.forget": 600.0,
    "incidents.status": 60.0,
    "notify.watch": 15.0,
    "notify.heartbeat": 30.0,
    "chain.look": 15.0,
}
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    task: {"task": task, "schedule": seconds, "options": {"queue": "beat", "expires": seconds}}
    for task, seconds in _EVERY.items()
}

# --- chains and the devnet ----------------------------------------------------------------------------------------
DEVNET_ENABLED: bool = env.bool("DEVNET_ENABLED", not PRODUCTION)
DEVNET_CHAIN_ID = 731337
DEVNET_RPC_URL: str = env.str("DEVNET_RPC_URL", "http://127.0.0.1:18545")
# Rehearsals: how many forks one machine runs at once, and after how many seconds or blocks a report is stale.
FORKS_AT_ONCE: int = env.int("FORKS_AT_ONCE", 16 if PROFILE == "test" else 2)
REHEARSAL_MAX_AGE: int = env.int("REHEARSAL_MAX_AGE", 600)
REHEARSAL_MAX_BLOCKS: int = env.int("REHEARSAL_MAX_BLOCKS", 300)
REHEARSE_NEW_RUNS: bool = env.bool("REHEARSE_NEW_RUNS", PROFILE != "test")
READY_HEAD_AGE: int = env.int("READY_HEAD_AGE", 60)  # seconds; an older chain head makes /readyz answer 503

# --- the status page's copies --------------------------------------------------------------------------------------
# A folder of static files, served by tools/status_server.py, and an address that takes the same files by PUT. The
# suite publishes only where a test says so.
STATUS_DIR: str = env.str("STATUS_DIR", "" if PROFILE == "test" else str(STATE_DIR / "status"))
STATUS_PUT_URL: str = env.str("STATUS_PUT_URL", "").rstrip("/")
STATUS_PUT_AUTHORIZATION: str = env.str("STATUS_PUT_AUTHORIZATION", "")
_COPY = f"{PUBLIC_URL}/status" if PRODUCTION else f"http://localhost:{env.int('STATUS_PORT', 8010)}"
STATUS_URL: str = env.str("STATUS_URL", _COPY).rstrip("/")
STATUS_NAME: str = env.str("STATUS_NAME", "")
STATUS_STALE_AFTER: int = env.int("STATUS_STALE_AFTER", 300)  # seconds without a word from the desk

# --- addresses that users enter -----------------------------------------------------------------------------------
# host:port pairs that may be called although they are private, or speak http (integrations/outgoing.py)
OUTGOING_ALLOW: list[str] = env.list("OUTGOING_ALLOW", default=[])

# --- a dead-man switch elsewhere ----------------------------------------------------------------------------------
# It is called every 30 s while nothing is late (notify/watching.py), and calls a person when it hears nothing.
OUTSIDE_HEARTBEAT_URL: str = env.str("OUTSIDE_HEARTBEAT_URL", "")

# --- people -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- mail ---------------------------------------------------------------------------------------------------------
SMTP_SINK_PORT: int = env.int("SMTP_SINK_PORT", 10025)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _needed("EMAIL_HOST", "127.0.0.1")
EMAIL_USE_SSL: bool = env.bool("EMAIL_USE_SSL", False)
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", PRODUCTION and not EMAIL_USE_SSL)
if EMAIL_USE_SSL and EMAIL_USE_TLS:
    raise MissingSetting("EMAIL_USE_TLS and EMAIL_USE_SSL are both on: STARTTLS or TLS from the start, not both")
EMAIL_PORT: int = env.int("EMAIL_PORT", (465 if EMAIL_USE_SSL else 587) if PRODUCTION else SMTP_SINK_PORT)
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _needed("DEFAULT_FROM_EMAIL", "Breakglass <breakglass@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- static files -------------------------------------------------------------------------------------------------
NODE_MODULES = BASE_DIR / "node_modules"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(STATE_DIR / "static"))).absolute()
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.npm.NpmFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if PROFILE == "test"
        else "config.npm.StaticStorage"
    },
}
WHITENOISE_USE_FINDERS = PROFILE == "test"

# --- what a browser is told ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", True)
    # Probes and scrapers speak to the process itself, behind whatever ends TLS.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

# --- logs ---------------------------------------------------------------------------------------------------------
LOGGING = logs.configure(as_json=PRODUCTION, level=env.log_level())
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # config.logs binds the address; theirs believes headers
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one line a request, at its end

# --- logins, step-up, the API's ground -----------------------------------------------------------------------------
from config.people import *  # noqa: E402, F403  # a part of the settings, in its own file
