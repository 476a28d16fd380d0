"""Collects what the rooms show: pages, the API's resources, health."""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import DefaultRouter

from accounts.api import problems
from config import apidocs, health, style


def _pages() -> list[URLResolver]:
    return [path("", include(f"{room}.urls")) for room in settings.ROOMS if find_spec(f"{room}.urls")]


def _programs() -> list[URLResolver]:
    """`PROGRAMS` of a room's `urls`: looked for first, since programs ask many times a second."""
    found = [import_module(f"{room}.urls") for room in settings.ROOMS if find_spec(f"{room}.urls")]
    return [one for room in found for one in getattr(room, "PROGRAMS", ())]


def _api() -> DefaultRouter:
    """`API` of a room's `api` module or package: (prefix, viewset, basename) each."""
    router = DefaultRouter(use_regex_path=False)
    router.include_format_suffixes = False  # one address a resource
    for room in settings.ROOMS:
        if find_spec(f"{room}.api"):
            for prefix, viewset, basename in getattr(import_module(f"{room}.api"), "API", ()):
                router.register(prefix, viewset, basename)
    return router


urlpatterns: list[URLPattern | URLResolver] = [
    *_programs(),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", apidocs.docs, name="api-docs"),
    path("api/v1/", include(_api().urls)),
    re_path(r"^api/(?P<path>[\s\S]*)$", problems.no_such_address),
    path("devnet/style/", style.style, name="style"),
    path("devnet/style/error/<int:status>/", style.error, name="style-error"),
    *_pages(),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler429 = "config.errors.too_many"  # allauth's rate limits look for it here
handler500 = "config.errors.broken"
