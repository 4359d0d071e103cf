"""The application's place in Django."""

from django.apps import AppConfig


class RecognitionConfig(AppConfig):
    name = "recognition"
    verbose_name = "Facesite"

    def ready(self) -> None:
        """Register the system checks; networks load on first use, never here."""
        from recognition import (
            accounts,
            checks,  # noqa: F401  # its import registers the checks
            signins,
        )

        signins.watch()
        accounts.watch()
