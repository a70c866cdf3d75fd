"""The proxy: it owns the one connection to the gateway, and gives each client a virtual one.

::

    cli/      the command line: serve, sim, status, demo
    demo/     what `ibproxy demo` shows, and the audit behind its summary
    shells/   sockets, files and clocks around the core
    core/     pure: who gets what, under which id, and when
"""
