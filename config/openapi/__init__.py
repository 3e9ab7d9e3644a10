"""The OpenAPI document: what drf-spectacular cannot guess, or writes so that not every generator reads it."""
