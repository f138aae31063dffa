"""The outside world on this machine: Salla, its storefront, message providers and a shopper's phone."""
