"""How static files are stored: compressed, under names that change with their content."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Also the modules that a JavaScript module imports are named by their content.

    Else a browser could mix modules of two versions after an upgrade.
    """

    support_js_module_import_aggregation = True
