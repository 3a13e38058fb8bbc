"""RPCs that look through all names: `name_filter`, `name_scan`, `name_history`.

With the real node's oddities (Emercoin Core 0.8.6): `name_filter` counts age from
the last name_new and its `stat` counts nothing; `name_scan` goes by length before
octets and ignores `max-returned`; both leave out deleted names and keep expired ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import re2

from nvs.testing.chain_addresses import write_address
from nvs.testing.chain_view import ChainView
from nvs.testing.name_event import Event
from nvs.testing.name_script import Operation
from nvs.testing.rpc_method import CallError, Method, encoded, octets, whole

NO_WALLET = "Method not found (wallet method is disabled because no wallet is loaded)"
TOO_LARGE = b"\n...(value too large - use name_show to see full value)"
_LITERAL_START = re.compile(rb"\^((?:[A-Za-z0-9:_/@ -](?![?*+{]))*)")


class NameCalls:
    """Answers from the index of names."""

    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def methods(self) -> dict[str, Method]:
        """By name."""
        filter_names = ("regexp", "maxage", "from", "nb", "stat", "valuetype", "max-value-length")
        scan_names = ("start-name", "max-returned", "max-value-length", "valuetype")
        history_names = ("name", "fullhistory", "valuetype")
        return {
            "name_filter": Method(self._name_filter, filter_names, while_downloading=False),
            "name_scan": Method(self._name_scan, scan_names, while_downloading=False),
            "name_history": Method(self._name_history, history_names, 1, while_downloading=False),
        }

    def _name_filter(self, params: list[Any]) -> Any:
        pattern, height = octets(params, 0), self._chain.tree.height
        max_age, start, count = (whole(params, i) for i in (1, 2, 3))
        statistics, valuetype = octets(params, 4) == b"stat", octets(params, 5)
        cut = whole(params, 6)
        matches = [
            event
            for event in self._matching(pattern)
            if not max_age or height - event.registered_at < max_age
        ]
        if statistics:
            return {"blocks": height, "count": 0}
        matches.sort(key=lambda e: (e.registered_at, len(e.op.name), e.op.name))
        end = start + count if count > 0 else len(matches)
        shown = []
        for event in matches[max(start, 0) : max(end, 0)]:
            item: dict[str, Any] = {"name": event.op.name}
            item["value"] = shortened(event.op.value, valuetype, cut)
            item["registered_at"] = event.registered_at
            shown.append(item | remaining(event, height))
        return shown

    def _name_scan(self, params: list[Any]) -> list[dict[str, Any]]:
        start, height = octets(params, 0), self._chain.tree.height
        whole(params, 1)  # max-returned is read and ignored
        cut, valuetype = whole(params, 2), octets(params, 3)
        found = [
            (len(name), name, event)
            for name, event in self._chain.tree.names.names()
            if not event.deleted and (len(name), name) >= (len(start), start)
        ]
        found.sort(key=lambda item: item[:2])
        return [
            {"name": name, "value": shortened(event.op.value, valuetype, cut)}
            | remaining(event, height)
            for _, name, event in found
        ]

    def _name_history(self, params: list[Any]) -> list[dict[str, Any]]:
        if not self._chain.has_wallet:
            raise CallError(-32601, NO_WALLET)
        name, valuetype = octets(params, 0), octets(params, 2)
        full = len(params) > 1 and params[1] is True
        names = self._chain.tree.names
        if names.orphaned(name):
            text = "record for this name exists, but transaction list is empty"
            raise CallError(-20, text)
        events = names.history(name)
        if not events:
            raise CallError(-20, "failed to read from name DB")
        if not full:
            if not events[-1].active(self._chain.tree.height):
                raise CallError(-1, "record for this name exists, but this name is not active")
            events = [e for e in events if e.registered_at == events[-1].registered_at]
        return [self._past(event, valuetype) for event in events]

    def _past(self, event: Event, valuetype: bytes) -> dict[str, Any]:
        op = event.op
        shown: dict[str, Any] = {"txid": event.txid, "time": event.time, "height": event.height}
        shown["address"] = write_address(self._chain.network, op.owner)
        shown["vout"] = event.vout
        if self._chain.wallet.owns(op.owner):
            shown["address_is_mine"] = "true"
        shown["operation"] = op.kind.word
        if op.kind is not Operation.DELETE:
            shown["days_added"] = op.days
            shown["value"] = encoded(op.value, valuetype)
        return shown

    def _matching(self, pattern: bytes) -> Iterable[Event]:
        """Names that a pattern is found in, deleted ones not.

        The pattern is run by RE2 in linear time. A literal beginning is looked up
        first, which spares computing the names of bulk layers.
        """
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.log_errors = False
        try:
            search = re2.compile(pattern, options).search
        except re2.error as exc:
            raise CallError(-1, _complaint(exc)) from None
        for name, event in self._chain.tree.names.names(literal_start(pattern)):
            if not event.deleted and search(name):
                yield event


def literal_start(pattern: bytes) -> bytes:
    """What every match must begin with, as far as that is plain to see."""
    match = _LITERAL_START.match(pattern)
    return match.group(1) if match and b"|" not in pattern else b""


def remaining(event: Event, height: int) -> dict[str, Any]:
    """`expires_in`, and `expired` when true."""
    left = event.expires_at - height
    return {"expires_in": left, "expired": True} if left <= 0 else {"expires_in": left}


def shortened(value: bytes, valuetype: bytes, cut: int) -> bytes:
    """Encoded, then cut to `cut` octets (0: not) with a note that it was."""
    shown = encoded(value, valuetype)
    return shown[:cut] + TOO_LARGE if 0 < cut < len(shown) else shown


def _complaint(exc: Exception) -> str:
    """The text of the node's own engine where it is known, else RE2's."""
    words = b" ".join(arg for arg in exc.args if isinstance(arg, bytes))
    if b"missing )" in words or b"unexpected )" in words:
        return "mismatched parenthesis"
    return words.decode("ascii", "replace").replace("\ufffd", "?")
