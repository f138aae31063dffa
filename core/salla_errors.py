"""Every way in which Salla can say no, or nothing: one class each, with what the merchant is told.

Source: Salla Merchant API, basics (statuses and the cases of 401).
"""

from typing import ClassVar

from django.utils.translation import gettext, gettext_noop


class SallaError(Exception):
    """Salla said no, or nothing. `permanent` means that the same call can't succeed later by itself.

    `words` are for the merchant and untranslated, as a catalogue has them; the exception's own text is for staff.
    """

    permanent = True
    words: ClassVar[str] = gettext_noop("Salla refused the request. Our team has been told.")

    @property
    def told(self) -> str:
        """What the merchant is told, in the language of the moment."""
        return gettext(self.words)


class TokenRefusedError(SallaError):
    """The access token is dead."""

    words = gettext_noop("The connection to your store has ended. Install the app again from the Salla App Store.")


class AccountDeletedError(TokenRefusedError):
    """The person who installed the app is no longer at Salla: no token of his will ever work again."""

    words = gettext_noop(
        "The account that installed the app no longer exists at Salla. Install the app again from another account."
    )


class AccountInactiveError(SallaError):
    """The person who installed the app is switched off at Salla; his token works again when he is not."""

    words = gettext_noop("The account that installed the app is not active at Salla. Activate it, then try again.")


class InvalidGrantError(SallaError):
    """The refresh token was used before or revoked: only a re-installation helps."""

    words = TokenRefusedError.words


class ScopeMissingError(SallaError):
    """The token lacks a scope; refreshing does not help."""

    words = gettext_noop(
        "The app lacks a permission in your store. Update the app at Salla and accept its permissions."
    )


class NotFoundError(SallaError):
    """What was asked for is not in the store, or no longer."""

    words = gettext_noop("This is no longer in your store at Salla.")


class InvalidError(SallaError):
    """422; `fields` maps a field to Salla's messages, mostly Arabic."""

    words = gettext_noop("Salla did not accept some of the values. Correct them and try again.")

    def __init__(self, message: str, fields: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.fields = fields


class BusyError(SallaError):
    """Too many requests; `retry_after` in seconds."""

    permanent = False
    words = gettext_noop("Salla asked us to slow down. We go on by ourselves in a moment.")

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(SallaError):
    """No answer, or a 5xx. A write may have happened all the same."""

    permanent = False
    words = gettext_noop("Salla does not answer at the moment. We try again by ourselves.")


class NotSentError(SallaError):
    """The request never left this machine, so nothing can have happened at Salla."""

    permanent = False
    words = gettext_noop("We could not reach Salla. We try again by ourselves.")
