"""A thin signed webhook in front of django-hordak: exactly once by a unique key, two legs, one atomic block."""
