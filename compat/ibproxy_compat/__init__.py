"""Doors for code that does not import ibproxy: to come; see the README for what there is."""
