"""Currencies, providers and rates of the demo."""
