"""The addresses of a FastAPI wallet service."""
