"""What every endpoint shares: parsing, validation, pagination, filters, fields, negotiation, CSV."""
