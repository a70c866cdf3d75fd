"""The configuration file, which the proxy and the strategies of a user share.

::

    gateway = "127.0.0.1:4002"
    listen = ["ipc:///run/user/1000/ibproxy/proxy.sock"]

    [strategies.trade_cppi]
    accounts = ["DU1000002"]

It is named by the environment variable IBPROXY_CONFIG, or is `config.toml` in the user's
configuration directory; without a file the defaults hold.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import platformdirs
from msgspec import Meta

from ibproxy.address import (
    Address,
    TcpAddress,
    check_listen_url,
    default_address,
    parse_host_port,
    parse_url,
)
from ibproxy.errors import ConfigError
from ibproxy.identity import clean_name

NO_JOURNAL: Final = "off"
URL_VARIABLE: Final = "IBPROXY_URL"
CONFIG_VARIABLE: Final = "IBPROXY_CONFIG"

Port = Annotated[int, Meta(ge=1, le=65535)]


class StrategyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one strategy is bound to.

    Attributes:
        accounts: the accounts that it sees and trades; empty means all.
        expects: which kind of gateway it may have; "port": what the port that it asks for says.
    """

    accounts: tuple[str, ...] = ()
    expects: Literal["port", "paper", "live", "any"] = "port"


class DoorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port for programs that speak TWS's own protocol.

    Attributes:
        listen: `HOST:PORT`; port 0 takes a free one.
        strategy: who comes in there.
        networks: from where, beside this machine: `192.168.1.0/24`, say.
    """

    listen: str
    strategy: str
    networks: tuple[str, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return parse_host_port(self.listen, lowest_port=0)

    def admits(self, host: str) -> bool:
        """Whether a caller at this IP address may come in."""
        address = ipaddress.ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(
            address in ipaddress.ip_network(network) for network in self.networks
        )


class LimitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may run at the gateway at once, for all strategies together; 0: what it allows.

    Attributes:
        market_data_lines: contracts with market data or real-time bars.
        depth_books: contracts with market depth.
        tick_by_tick: subscriptions to ticks one by one.
        scanners: scanner subscriptions.
        history: open requests for history; more wait. With 0 nothing is held back for its pace.
    """

    market_data_lines: Annotated[int, Meta(ge=0)] = 0
    depth_books: Annotated[int, Meta(ge=0)] = 0
    tick_by_tick: Annotated[int, Meta(ge=0)] = 0
    scanners: Annotated[int, Meta(ge=0)] = 0
    history: Annotated[int, Meta(ge=0)] = 50


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with their defaults.

    Attributes:
        gateway: `HOST:PORT` of IB Gateway or TWS.
        client_id: the proxy's own client id there.
        server_version: the highest protocol version that the proxy asks the gateway for.
        max_messages_per_second: what the proxy sends to the gateway at most.
        listen: where the proxy listens; empty means the default address. Strategies look for
            it at the first.
        journal: the journal's file; empty means the default one, `off` means none.
        account_turn_s: how long an account keeps the gateway's account slot, in seconds.
        gateway_silence_s: how long the gateway may be silent before the proxy connects anew, in
            seconds; 0: for ever.
        resume_s: for how long a strategy's session is kept when its link to the proxy breaks, in
            seconds.
        late_order_s: how old an order may be that a strategy's broken link has held up, in seconds;
            0: of any age.
        paper_ports: which ports of `connect` ask for a paper account.
        live_ports: which ports of `connect` ask for a live account.
        on_duplicate: what happens to a second live copy of a strategy with one client id: it is
            refused with 326, or takes over and the first is disconnected.
        doors: ports for programs that speak TWS's own protocol.
        limits: what may run at the gateway at once.
        strategies: strategy name -> what it is bound to.
    """

    gateway: str = "127.0.0.1:4002"
    client_id: Annotated[int, Meta(ge=0, le=0x7FFFFFFF)] = 100
    server_version: Annotated[int, Meta(ge=157, le=178)] = 176
    max_messages_per_second: Annotated[int, Meta(ge=1, le=50)] = 45
    listen: tuple[str, ...] = ()
    journal: str = ""
    account_turn_s: Annotated[float, Meta(gt=0)] = 2.0
    gateway_silence_s: Annotated[float, Meta(ge=0)] = 60.0
    resume_s: Annotated[float, Meta(ge=0)] = 600.0
    late_order_s: Annotated[float, Meta(ge=0)] = 10.0
    paper_ports: tuple[Port, ...] = (7497, 4002)
    live_ports: tuple[Port, ...] = (7496, 4001)
    on_duplicate: Literal["refuse", "take-over"] = "refuse"
    doors: tuple[DoorConfig, ...] = ()
    limits: LimitsConfig = LimitsConfig()
    strategies: dict[str, StrategyConfig] = {}

    @property
    def gateway_address(self) -> tuple[str, int]:
        """Host and port of the gateway."""
        return parse_host_port(self.gateway)

    def listen_addresses(self) -> list[Address]:
        """Return where the proxy listens, the default address included."""
        return [check_listen_url(url) for url in self.listen] or [default_address()]

    def journal_path(self) -> Path | None:
        """Return the journal's file, or None if there is to be none.

        Order ids count for one login and one client id, so by default those whose gateway or
        client id differs have files of their own.
        """
        if self.journal == NO_JOURNAL:
            return None
        if self.journal:
            return Path(self.journal).expanduser()
        name = re.sub(r"[^A-Za-z0-9.]+", "-", f"orders-{self.gateway}-{self.client_id}")
        return journal_directory() / f"{name}.sqlite"


def journal_directory() -> Path:
    """Return where journals are kept by default."""
    return Path(platformdirs.user_state_dir("ibproxy"))


def parse_config(text: str, source: str = "configuration") -> Config:
    """Return the settings in the TOML text of a configuration file.

    Args:
        text: the file's contents.
        source: what errors call it.

    Raises:
        ConfigError: something in it cannot be used; the text names the key.
    """
    try:
        config = msgspec.toml.decode(text, type=Config)
        check_config(config)
    except (msgspec.DecodeError, ConfigError) as error:
        raise ConfigError(f"{source}: {error}") from None
    return config


def check_config(config: Config) -> None:
    """Check what types cannot say.

    Raises:
        ConfigError: a setting cannot be used; the text names it.
    """
    parse_host_port(config.gateway, shown_as=f'gateway = "{config.gateway}"')
    for url in config.listen:
        check_listen_url(url)
    if both := set(config.paper_ports) & set(config.live_ports):
        raise ConfigError(f"paper_ports and live_ports both have {min(both)}: choose one")
    for door in config.doors:
        _check_door(door)
    journal = config.journal_path()
    if journal and not journal.is_absolute():
        raise ConfigError(
            f'journal = "{config.journal}": write an absolute path, "~/..." or "{NO_JOURNAL}"'
        )
    for name in config.strategies:
        if clean_name(name) != name:
            raise ConfigError(
                f"[strategies.{name}] cannot be the name of a strategy: "
                f"write {clean_name(name) or 'a name'}"
            )


def _check_door(door: DoorConfig) -> None:
    host, _ = parse_host_port(door.listen, shown_as=f'listen = "{door.listen}"', lowest_port=0)
    if clean_name(door.strategy) != door.strategy or not door.strategy:
        raise ConfigError(
            f'strategy = "{door.strategy}" cannot be the name of a strategy: '
            f"write {clean_name(door.strategy) or 'a name'}"
        )
    for network in door.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ConfigError(f"networks: {error}: write 192.168.1.0/24, say") from None
    if not door.networks and not TcpAddress(host, 0).is_loopback:
        raise ConfigError(
            f'listen = "{door.listen}" can be reached from other machines: '
            "write 127.0.0.1, or name the networks that may come in"
        )


def config_path() -> Path:
    """Return where the configuration file is, or would be."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_config_dir("ibproxy")) / "config.toml"


def read_config(path: Path | None = None) -> Config:
    """Return the settings of the configuration file; the defaults when there is none.

    Args:
        path: the file; `config_path()` by default. A file that was named must be there.

    Raises:
        ConfigError: it cannot be read or used.
    """
    is_named = path is not None or bool(os.environ.get(CONFIG_VARIABLE))
    path = path or config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if is_named:
            raise ConfigError(f"{path}: there is no such configuration file") from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse_config(text, str(path))


def proxy_address() -> Address:
    """Return where strategies find the proxy: IBPROXY_URL, else configuration, else default.

    Raises:
        ConfigError: what was written there cannot be used.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return read_config().listen_addresses()[0]
    try:
        return parse_url(url)
    except ConfigError as error:
        raise ConfigError(f"{URL_VARIABLE}: {error}") from None
