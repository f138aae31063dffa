"""Says things to people: e-mail, SMS, WhatsApp, push; journeys, campaigns, policy, delivery."""
