"""How a log line is written: one line format, and no secrets that stand in addresses."""

import logging
import re

# Django logs the path of every refused request, and these open an account.
_SECRETS = re.compile(r"(/sign-in/|/arrived/|[?&](?:token|code|state)=)[^/\s\"'?&]+")


class Line(logging.Formatter):
    """Hides the tokens of sign-in links and what Salla puts into addresses, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub(r"\1…", super().format(record))
