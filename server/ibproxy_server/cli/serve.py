"""`ibproxy serve`: the proxy as a program."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import msgspec

from ibproxy.address import check_listen_url, parse_host_port
from ibproxy.config import NO_JOURNAL, Config, DoorConfig, check_config, read_config
from ibproxy.errors import ConfigError
from ibproxy_server.cli.running import run_service
from ibproxy_server.shells.runner import serve


def run(options: argparse.Namespace) -> int:
    """Serve until told to end; the first line of output says where."""
    config = configured(options)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    return run_service(serve(config, _say_ready))


def configured(options: argparse.Namespace) -> Config:
    """Return the settings of the configuration file, with what the command line changes.

    Raises:
        ConfigError: something in either cannot be used.
    """
    config = read_config(Path(options.config) if options.config else None)
    if options.gateway is not None:
        parse_host_port(options.gateway, shown_as=f"--gateway {options.gateway}")
        config = msgspec.structs.replace(config, gateway=options.gateway)
    if options.client_id is not None:
        config = msgspec.structs.replace(config, client_id=options.client_id)
    if options.listen:
        for url in options.listen:
            check_listen_url(url)
        config = msgspec.structs.replace(config, listen=tuple(options.listen))
    if options.journal is not None:
        journal = options.journal
        if journal != NO_JOURNAL:
            journal = str(Path(journal).expanduser().absolute())
        config = msgspec.structs.replace(config, journal=journal)
    if options.on_duplicate is not None:
        config = msgspec.structs.replace(config, on_duplicate=options.on_duplicate)
    if options.tcp or options.tcp_strategy:
        config = msgspec.structs.replace(config, doors=_doors(options))
    check_config(config)
    return config


def _doors(options: argparse.Namespace) -> tuple[DoorConfig, ...]:
    places, names = options.tcp or [], options.tcp_strategy or []
    if len(places) != len(names):
        raise ConfigError(
            f"{len(places)} --tcp and {len(names)} --tcp-strategy: each port needs the name of "
            "the strategy that comes in there"
        )
    return tuple(map(DoorConfig, places, names))


def _say_ready(urls: list[str]) -> None:
    sys.stdout.write(f"ready {' '.join(urls)}\n")
    sys.stdout.flush()
