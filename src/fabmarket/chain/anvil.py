"""An anvil process started for one run."""

import socket
import subprocess
import time
import weakref
from pathlib import Path

from typing_extensions import override

from fabmarket.chain.engine import (
    BLOCK_GAS,
    PINNED_CHAIN_ID,
    TIP,
    EngineUnavailable,
    Fees,
    Settings,
)
from fabmarket.chain.posting import TIMEOUT
from fabmarket.chain.rpc import RpcEngine, dev_funder
from fabmarket.interrupts import held_back

_PATIENCE = 5.0
"""Seconds in which it ends when it is asked to; then it is killed."""
_QUOTED = 300


class AnvilEngine(RpcEngine):
    """An anvil process of our own, with chain id, times and block contents pinned."""

    is_virtual = True
    patience = 0.0  # our own process does not come back

    def __init__(self, binary: Path, settings: Settings) -> None:
        chain_id = settings.chain_id or PINNED_CHAIN_ID
        port = _free_port()
        command = [
            str(binary),
            *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)),
            *("--timestamp", str(settings.genesis_time), "--gas-limit", str(BLOCK_GAS)),
            *("--hardfork", "prague", "--order", "fifo", "--no-mining", "--quiet"),
        ]
        try:
            with held_back():  # or nobody would know the process to end
                process = subprocess.Popen(  # noqa: S603 (the binary is found by open_engine)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                # Whatever becomes of this object, its process ends with it.
                self._end = weakref.finalize(self, _end, process)
        except OSError as error:
            raise EngineUnavailable(
                f"{binary} cannot be run as anvil ({error.strerror});"
                " set FABMARKET_ANVIL to anvil's native binary or use --engine embedded"
            ) from error
        try:
            self._process = process
            self._wait_until_listening(port)
            super().__init__("anvil", f"http://127.0.0.1:{port}", chain_id, dev_funder())
            self.ask("anvil_setBlockTimestampInterval", [1])
        except BaseException:
            self.close()
            raise

    @override
    def fees(self) -> Fees:
        return Fees(100 * 10**9, TIP)

    @override
    def close(self) -> None:
        self._end()

    @override
    def _after_sending(self) -> None:
        self.ask("evm_mine", [])

    @override
    def pass_time(self, until: int) -> None:
        if self.now() < until:
            self.ask("evm_setNextBlockTimestamp", [until])
            self.ask("evm_mine", [])

    def _wait_until_listening(self, port: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._process.stderr.read() if self._process.stderr else b""
                told = said.decode(errors="replace").strip()[:_QUOTED]
                raise EngineUnavailable(f"anvil stopped at once: {told}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise EngineUnavailable(f"anvil does not listen on port {port} after {TIMEOUT:.0f} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with held_back():
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
