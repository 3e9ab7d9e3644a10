"""The addresses of a Sanic service for accounts and payments; a webhook and account service gets them too."""
