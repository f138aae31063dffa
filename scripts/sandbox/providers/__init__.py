"""Stand-ins for the message providers: e-mail, SMS, WhatsApp and web push."""
