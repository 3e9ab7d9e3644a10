"""A thin signed webhook and thin views in front of django-hordak: once by a unique key, two legs, one atomic block."""
