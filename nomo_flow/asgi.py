"""The ASGI entry point, for hosts that offer nothing else; WSGI is served instead, several times as fast here."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nomo_flow.settings")

application = get_asgi_application()
