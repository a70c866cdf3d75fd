"""Benchmarks: through the proxy ÷ ib_async straight on the stand-in gateway.

    python -m tests.bench --quick

Each figure is taken in turn, direct and proxied, several times in one run, because machines are
noisy and only the ratio means something; the median is shown. Gateway, proxy and clients are
processes of their own.
"""
