"""The staff's pages of `visitors`."""

from visitors import contact_admin, import_admin

__all__ = ["contact_admin", "import_admin"]
