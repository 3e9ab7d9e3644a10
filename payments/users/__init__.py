"""Users as the API and staff see them, with their money."""
