"""The staff's pages of `visitors`."""

from visitors import contact_admin

__all__ = ["contact_admin"]
