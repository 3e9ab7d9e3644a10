"""How the staff site writes dates (FORMAT_MODULE_PATH): Django's own formats of a language win over the settings."""
