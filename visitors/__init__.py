"""Who is there: presence, visits, contacts, consent and the storefront cards about visitors."""
