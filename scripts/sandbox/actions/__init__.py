"""What happens in the outside world: installs, orders, carts, customers; each sends its webhooks."""
