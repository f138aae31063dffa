"""The log of what people did in a store's dashboard: ids, never names. Each app declares its own kinds."""

from collections.abc import Callable

from django.utils.translation import gettext

from core.models import Activity, Merchant, User

# A name may run against the direction of the sentence: each stands in an isolate of its own (Unicode's FSI and PDI).
ISOLATED = "\u2068{}\u2069"

_sentences: dict[str, str] = {}
_details: dict[str, Callable[[str], str]] = {}


def declare(what: str, sentence: str, *, detail: Callable[[str], str] = str) -> str:
    """Name a kind (`noun.past`) and its sentence, marked by `gettext_noop`, about %(who)s, %(whom)s and %(detail)s.

    `detail` says in the reader's language what the stored detail stands for.
    """
    if _sentences.setdefault(what, sentence) != sentence:
        raise ValueError(f"the activity {what} is declared twice")
    _details[what] = detail
    return what


def note(merchant: Merchant, what: str, *, user: User | None, whom: User | None = None, detail: str = "") -> None:
    """Write one line; call it inside the transaction that makes it true."""
    if what not in _sentences:
        raise KeyError(what)
    merchant.activities.create(what=what, user=user, whom=whom, detail=detail)


def sentence_of(activity: Activity) -> str:
    """In the reader's language, with the names that people have now; the bare kind when its app is gone."""
    sentence = _sentences.get(activity.what)
    if sentence is None:
        return activity.what
    named = {
        "who": _name(activity.user),
        "whom": _name(activity.whom),
        "detail": _details[activity.what](activity.detail),
    }
    return gettext(sentence) % {name: ISOLATED.format(text) for name, text in named.items()}


def _name(user: User | None) -> str:
    return user.shown_name if user else gettext("somebody who left")
