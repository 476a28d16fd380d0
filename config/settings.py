"""Settings, all from the environment; every secret also as NAME_FILE."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

PROFILE: str = env.str("BREAKGLASS_PROFILE", "demo")
STATE_DIR = Path(env.str("BREAKGLASS_STATE", str(BASE_DIR / ".breakglass")))
runtime = STATE_DIR / "runtime.env"
if PROFILE == "demo" and runtime.exists():
    environ.Env.read_env(str(runtime))

SECRET_KEY: str = env.str("SECRET_KEY", "demo-only" if PROFILE != "production" else environ.Env.NOTSET)
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
PUBLIC_URL: str = env.str("PUBLIC_URL", "http://127.0.0.1:8000")
DEVNET_ENABLED: bool = env.bool("DEVNET_ENABLED", PROFILE in ("demo", "test"))
DEVNET_RPC_URL: str = env.str("DEVNET_RPC_URL", "http://127.0.0.1:8545")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "channels",
    "ledger",
    "work",
    "accounts",
    "integrations",
    "notify",
    "governance",
    "runbooks",
    "incidents",
    "config",  # last: its ready() closes the registries
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
DATABASES = {
    "default": {**env.db("DATABASE_URL", "postgres://breakglass@127.0.0.1:5432/breakglass"), "CONN_HEALTH_CHECKS": True}
}
REDIS_URL: str = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", REDIS_URL)
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
