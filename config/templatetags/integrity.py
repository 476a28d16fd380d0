"""`{% load integrity %}{% module_integrity %}` before any script: only the modules that the page was made with run."""

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from config.integrity import import_map

register = template.Library()


@register.simple_tag(takes_context=True)
def module_integrity(context: Context) -> SafeString:
    context["request"].has_import_map = True
    return mark_safe(f'<script type="importmap">{import_map()}</script>')  # noqa: S308  made here, from our own files
