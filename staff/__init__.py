"""What every page of the staff site shares: confirmed actions, read-only pages, CSV export, history."""
