"""The addresses of five other services, over the services and plans of Till: for clients that were written for them.

There is no model here and no rule of money. TILL_LEGACY says whose addresses answer (docs/decisions/0049).
"""
