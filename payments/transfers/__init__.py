"""Money from one wallet to another."""
