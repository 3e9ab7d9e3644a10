"""The staff site's pages of users."""
