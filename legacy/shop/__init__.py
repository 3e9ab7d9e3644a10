"""The addresses of a shop with UUID keys, which its specification does not print: bills and a shop."""
