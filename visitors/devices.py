"""What a browser says it is, by its user agent: phone, tablet, desktop or bot; its browser and system. Pure."""

from dataclasses import dataclass
from functools import lru_cache

import ua_parser
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from visitors.agents import LONGEST_AGENT

LONGEST = 40


class Device(TextChoices):
    """An iPad that asks for desktop pages says that it is a Mac, and counts as one."""

    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    DESKTOP = "desktop", _("Computer")
    BOT = "bot", _("Bot")
    UNKNOWN = "unknown", _("Unknown device")


@dataclass(frozen=True, slots=True)
class Agent:
    """Names are the trade's own: "Safari", "Instagram", "iOS"."""

    device: Device = Device.UNKNOWN
    browser: str = ""
    system: str = ""


UNKNOWN = Agent()
# What an app or a small screen adds to the name of the same browser.
_ADDED = (" Mobile WebView", " Mobile iOS", " Mobile", "Mobile ", " iOS")
_SYSTEMS = {"Mac OS X": "macOS", "Chrome OS": "ChromeOS"}
_PHONES, _COMPUTERS = {"iOS", "Android", "HarmonyOS"}, {"Windows", "Mac OS X", "Chrome OS", "Linux", "Ubuntu", "Fedora"}


@lru_cache(maxsize=8192)
def agent_of(text: str) -> Agent:
    """Remembered by its text: a store's shoppers have a few hundred of them."""
    found = ua_parser.parse(text[:LONGEST_AGENT])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    for added in _ADDED:
        browser = browser.replace(added, "")
    return Agent(
        device=_device(text, system, found.device.family if found.device else ""),
        browser=browser[:LONGEST],
        system=_SYSTEMS.get(system, system)[:LONGEST],
    )


def _device(text: str, system: str, model: str) -> Device:
    if model == "Spider" or "Headless" in text:
        return Device.BOT
    if "iPad" in text or "Tablet" in text or (system == "Android" and "Mobile" not in text):
        return Device.TABLET
    if system in _PHONES or "Mobile" in text:
        return Device.PHONE
    return Device.DESKTOP if system in _COMPUTERS or "X11" in text else Device.UNKNOWN
