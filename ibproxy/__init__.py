"""Strategies that share one connection to IB Gateway: `from ibproxy import *`."""
