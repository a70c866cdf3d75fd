"""The proxy of the benchmarks: without pacing, which is what would be measured otherwise."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading

from ibproxy.config import Config
from ibproxy_server.shells.runner import serve


async def main(gateway_port: str, *, with_journal: bool = False) -> None:
    """Serve until the standard input closes."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            gateway=f"127.0.0.1:{gateway_port}",
            max_messages_per_second=0,
            listen=(f"ipc://{folder}/p.sock",),
            journal=f"{folder}/orders.sqlite" if with_journal else "off",
        )
        serving = asyncio.get_running_loop().create_task(
            serve(config, lambda urls: print(urls[0], flush=True))  # noqa: T201 - for the parent
        )
        loop = asyncio.get_running_loop()

        def wait_for_end() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(serving.cancel)

        threading.Thread(target=wait_for_end, daemon=True).start()
        await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    os.environ.setdefault("IBPROXY_CONFIG", os.devnull)
    asyncio.run(main(sys.argv[1], with_journal="journal" in sys.argv))
