"""RPCs about blocks: `getblock` and its kin."""

from __future__ import annotations

import re
from typing import Any

from nvs.testing.blocks import Block
from nvs.testing.chain_view import ChainView
from nvs.testing.rpc_method import CallError, Method, octets, whole

_HASH = re.compile(rb"[0-9a-fA-F]{64}")


class BlockCalls:
    """Answers from the tree of blocks."""

    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def methods(self) -> dict[str, Method]:
        """By name."""
        return {
            "getblockhash": Method(self._getblockhash, ("height",), 1),
            "getblockheader": Method(self._getblockheader, ("blockhash", "verbose"), 1),
            "getblock": Method(self._getblock, ("blockhash", "verbosity"), 1),
            "getblockchaininfo": Method(self._getblockchaininfo),
            "waitfornewblock": Method(self._waitfornewblock, ("timeout",), waits=True),
        }

    def _getblockhash(self, params: list[Any]) -> str:
        try:
            return self._chain.tree.at(whole(params, 0)).hash
        except IndexError:
            raise CallError(-8, "Block height out of range") from None

    def _getblockheader(self, params: list[Any]) -> Any:
        block = self._block(params)
        if len(params) > 1 and params[1] is False:
            return block.header.hex()
        return block.header_json(*self._place(block))

    def _getblock(self, params: list[Any]) -> Any:
        block = self._block(params)
        if len(params) > 1 and isinstance(params[1], bool):
            verbosity = int(params[1])
        else:
            verbosity = whole(params, 1, 1)
        if verbosity <= 0:
            return block.octets().hex()
        return block.to_json(*self._place(block), self._chain.network, full=verbosity >= 2)

    def _getblockchaininfo(self, _: list[Any]) -> dict[str, Any]:
        tip = self._chain.tree.tip
        shown = tip.header_json(1, None)
        return {
            "chain": self._chain.network.name,
            "blocks": tip.height,
            "headers": tip.height,
            "bestblockhash": tip.hash,
            "difficulty": shown["difficulty"],
            "mediantime": shown["mediantime"],
            "verificationprogress": 1,
            "initialblockdownload": self._chain.downloading,
            "chainwork": shown["chainwork"],
            "size_on_disk": 0,
            "pruned": False,
            "warnings": "",
        }

    def _waitfornewblock(self, params: list[Any]) -> dict[str, Any]:
        milliseconds = whole(params, 0)
        tip = self._chain.wait_for_tip(milliseconds / 1000 if milliseconds else 30.0)
        return {"hash": tip.hash, "height": tip.height}

    def _block(self, params: list[Any]) -> Block:
        text = octets(params, 0)
        if len(text) != 64:
            shown = text.decode("latin-1").encode("ascii", "replace").decode()
            length = f"must be of length 64 (not {len(text)}, for '{shown}')"
            raise CallError(-8, f"blockhash {length}")
        if not _HASH.fullmatch(text):
            raise CallError(-8, b"blockhash must be hexadecimal string (not '" + text + b"')")
        block = self._chain.tree.known(text.decode().lower())
        if block is None:
            raise CallError(-5, "Block not found")
        return block

    def _place(self, block: Block) -> tuple[int, str | None]:
        """Confirmations, and the hash of the next block."""
        tree = self._chain.tree
        if not tree.active(block):
            return -1, None
        above = tree.height - block.height
        return above + 1, tree.at(block.height + 1).hash if above else None
