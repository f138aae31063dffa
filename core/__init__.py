"""The ground: people, stores, tenancy, clock, doorbell, mail, encrypted fields, settings of cards, Salla's wire."""
