"""API keys of services: made and revoked by admins. accounts reads them."""
