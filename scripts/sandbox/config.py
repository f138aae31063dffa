"""What the sandbox is told at its start: options and a few environment variables."""

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

APP_SCOPES = (
    "settings.read customers.read_write orders.read_write carts.read products.read categories.read "
    "webhooks.read_write specialoffers.read marketing.read_write reviews.read payments.read offline_access"
)


@dataclass(frozen=True)
class Config:
    """Options of one run."""

    port: int = 8001
    app_url: str = "http://localhost:8000"
    webhook_url: str = ""
    embedded_url: str = ""
    callback_url: str = ""
    status_url: str = ""
    speed: float = 1.0
    seed: int = 7
    smtp_port: int = 0
    new_ids: bool = False
    history_days: int = 60
    customers: int = 120
    orders: int = 0  # exactly so many in each store; 0: as many as its trade brings
    app_id: str = field(default_factory=lambda: os.environ.get("SALLA_APP_ID") or "1480412374")
    app_name: str = "Nomo Flow"
    client_id: str = field(default_factory=lambda: os.environ.get("SALLA_CLIENT_ID") or "sandbox-client")
    client_secret: str = field(default_factory=lambda: os.environ.get("SALLA_CLIENT_SECRET") or "sandbox-secret")
    webhook_secret: str = field(
        default_factory=lambda: (
            (os.environ.get("SALLA_WEBHOOK_SECRETS") or "sandbox-webhook-secret").split(",")[0].strip()
        )
    )
    scopes: str = APP_SCOPES

    @property
    def base(self) -> str:
        """Where the sandbox itself is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_base(self) -> str:
        """The same program under a second origin, so that two shoppers on one screen share no storage."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def webhooks_to(self) -> str:
        return self.webhook_url or f"{self.app_url}/webhooks/salla/"

    @property
    def embedded_to(self) -> str:
        return self.embedded_url or f"{self.app_url}/embedded/"

    @property
    def dashboard(self) -> str:
        """Salla's dashboard, under the one host name of this machine that Salla's embedded SDK listens to."""
        return f"http://localhost:{self.port}"

    @property
    def framed_to(self) -> str:
        """The app's page as the dashboard loads it: another site than the dashboard's."""
        return self.embedded_to.replace("://localhost", "://127.0.0.1", 1)

    @property
    def reports_to(self) -> str:
        """The app's base for delivery reports of providers that are configured with an address."""
        return self.status_url or f"{self.app_url}/webhooks"

    @property
    def mail_port(self) -> int:
        return self.smtp_port or self.port + 1000

    @property
    def app_origin(self) -> str:
        parts = urlsplit(self.app_url)
        return f"{parts.scheme}://{parts.netloc}"
