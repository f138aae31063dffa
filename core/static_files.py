"""Static files as production serves them: hashed for ever, and our own scripts without their comments."""

from typing import Any

import rjsmin
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What we wrote; what others wrote leaves as it came.
OURS = ("js/", "cards/")
# How one module of ours names another, and how it is written again; `url` becomes the hashed name.
IMPORTS = (
    (
        r"""(?P<matched>import(?P<names>[\s{*][^;"']*?)from\s*["'](?P<url>\./[^"']+)["'])""",
        """import%(names)sfrom "%(url)s\"""",
    ),
    (r"""(?P<matched>import\(\s*["'](?P<url>\./[^"']+)["']\s*\))""", """import("%(url)s")"""),
)


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """In ours, `import … from "./part.js"` follows the part to its hashed name."""

    patterns = (*HashedFilesMixin.patterns, *((f"{place}*.js", IMPORTS) for place in OURS))

    def _save(self, name: str, content: Any) -> str:
        if name.startswith(OURS) and name.endswith(".js"):
            content.seek(0)  # it was read for its hash
            content = ContentFile(served(content.read().decode()).encode())
        saved: str = super()._save(name, content)
        return saved


def served(script: str) -> str:
    """The script that a browser is sent for one of ours; the same for what is served already."""
    return str(rjsmin.jsmin(script))
