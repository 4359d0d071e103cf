"""How settings are read: ``env.int("PORT", 8000)``; ``PORT_FILE`` may name a file instead."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class Files(FileAwareMapping):
    """The environment, in which ``<NAME>_FILE`` stands for the content of that file."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        # Files end with a line break, passwords do not.
        return value.rstrip("\r\n") if key in self.files_cache else value


class Environment(environ.Env):
    """Say which name it is whose value cannot be read; a number left empty is the default."""

    ENVIRON = Files()
    YES, NO = environ.Env.BOOLEAN_TRUE_STRINGS, ("false", "no", "n", "off", "0")

    def get_value(self, var: str, cast: Any = None, default: Any = None, *rest: Any) -> Any:
        """Return the value as ``cast``. Raises ImproperlyConfigured, which names ``var``."""
        try:
            text = self.ENVIRON.get(var, "").strip().lower()
            if cast in (bool, int, float) and not text:
                return default
            if cast is bool and text not in (*self.YES, *self.NO):
                raise ValueError("it is neither yes nor no")
            return super().get_value(var, cast, default, *rest)
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"{var} cannot be read: {error}") from error

    def zone(self, var: str, default: str) -> str:
        """Return the name of a time zone. Raises ImproperlyConfigured for what is none."""
        name: str = self.str(var, "") or default
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as error:
            said = f"{var} is no time zone that this machine knows: write Europe/Berlin"
            raise ImproperlyConfigured(said) from error
        return name
