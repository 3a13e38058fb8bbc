"""Tenants: who owns numbers, API keys and deliveries, and how a number's owner is proven."""
