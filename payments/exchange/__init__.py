"""Money of one currency for another's: rates, quotes, exchanges."""
