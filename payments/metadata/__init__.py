"""What clients attach to what they create: a reference and metadata. Till keeps both, and never interprets them."""
