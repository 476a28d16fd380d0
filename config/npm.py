"""Static files straight from the npm lockfile's packages: nothing vendored, no front-end build."""

import builtins
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, overload

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

# What a browser may ask for, by package. A package's other files are never served.
SERVED: dict[str, tuple[str, ...]] = {
    "htmx.org": ("dist/htmx.min.js", "dist/htmx.min.js.map", "dist/htmx.esm.min.js", "dist/htmx.esm.min.js.map"),
    "@noble/hashes": ("*.js", "*.js.map"),
    "@noble/secp256k1": ("index.js",),
    "qr": ("index.js",),
}


class NpmStorage(FileSystemStorage):
    """node_modules as a storage whose every name is below `npm/`."""

    prefix = "npm"


class NpmFinder(BaseFinder):
    """Finds `npm/<package>/<file>` for the files in `SERVED`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder: Path = settings.NODE_MODULES
        self.storage = NpmStorage(location=str(self.folder))

    def check(self, **_kwargs: Any) -> list[CheckMessage]:
        return []

    @overload
    def find(self, path: str, find_all: Literal[False] = ..., **_kwargs: Any) -> str | None: ...
    @overload
    def find(self, path: str, find_all: Literal[True], **_kwargs: Any) -> builtins.list[str]: ...
    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> str | builtins.list[str] | None:
        name = path.removeprefix("npm/")
        found = None
        if name != path and self._serves(name) and (self.folder / name).is_file():
            found = str(self.folder / name)
        if find_all or not found:
            return (
                [found] if found else []
            )  # Django's own finders answer "no" with an empty list, and it relies on that
        return found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        ignored = tuple(ignore_patterns or ())
        for package, patterns in SERVED.items():
            for pattern in patterns:
                for path in sorted((self.folder / package).glob(pattern)):
                    name = path.relative_to(self.folder).as_posix()
                    if path.is_file() and not any(fnmatch(name, each) for each in ignored):
                        yield name, self.storage

    @staticmethod
    def _serves(name: str) -> bool:
        for package, patterns in SERVED.items():
            rest = name.removeprefix(f"{package}/")
            # fnmatch's star also matches a slash: a pattern speaks of as many folders as it names.
            if rest != name and any(rest.count("/") == p.count("/") and fnmatch(rest, p) for p in patterns):
                return ".." not in rest.split("/")
        return False


class StaticStorage(ManifestStaticFilesStorage):
    """Hashed names, so that files may be cached for ever; imports between ES modules are rewritten too."""

    support_js_module_import_aggregation = True

    def url_converter(
        self, name: str, hashed_files: dict[str, Any], template: str | None = None, *rest: Any, **named: Any
    ) -> Callable[[re.Match[str]], str]:
        """An import that only a comment speaks of is none: in a file's own usage note it would be a circle."""
        convert = super().url_converter(name, hashed_files, template, *rest, **named)

        def converter(found: re.Match[str]) -> str:
            before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()].lstrip()
            return found[0] if before.startswith(("//", "/*", "*")) else convert(found)

        return converter
