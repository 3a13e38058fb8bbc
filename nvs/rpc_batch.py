"""Several calls in one request, each with its own result or error.

python-bitcoinrpc's `batch_` raises at the first element that failed, and reads
single replies as strict UTF-8, which names on the chain need not be. In a batch
this node writes every octet from 0x80 on as `\\u00XX` (Emercoin 0.8.6), so that
even a batch of ONE call is the way to read names and blocks of any octets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from bitcoinrpc.authproxy import JSONRPCException

from nvs.rpc_link import Job, Link, UnreadableAnswer

Call = Sequence[Any]
"""A method's name and its parameters: `("name_show", "enum:14155551234:0", "hex")`."""

_LIST = '[{"result":['  # how the node begins an answer whose first result is a list
_HEADERS = {"Content-Type": "application/json", "User-Agent": "enum-backend"}


class BatchJob(Job):
    """Calls on their way through a worker thread as one request."""

    def __init__(self, calls: Sequence[Call], timeout: float) -> None:
        """`timeout`: seconds for each wait for octets."""
        super().__init__("batch", ())
        self.methods = tuple(call[0] for call in calls)
        self._count = len(calls)
        self.timeout = timeout
        self._body = json.dumps(
            [
                {"version": "1.1", "method": call[0], "params": list(call[1:]), "id": number}
                for number, call in enumerate(calls)
            ],
            allow_nan=False,
        )

    def ask(self, link: Link, path: str) -> list[Any]:
        """Send, and read the answers in the order of the calls.

        A failed element is a `JSONRPCException` in the list, never raised.

        Raises:
            JSONRPCException: the node refused the batch as a whole.
            UnreadableAnswer: not one answer for each call.
        """
        answer = self._read(self._exchange(link, path))
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            raise JSONRPCException(answer["error"])
        if not isinstance(answer, list) or len(answer) != self._count:
            raise UnreadableAnswer("the answer is no JSON-RPC batch of as many elements")
        return [_element(number, element) for number, element in enumerate(answer)]

    def _exchange(self, link: Link, path: str) -> bytes:
        link.request("POST", path, self._body, _HEADERS)
        if link.sock is not None:
            link.sock.settimeout(self.timeout)
        return link.getresponse().read()

    def _read(self, body: bytes) -> Any:
        return json.loads(body)


class RowsJob(BatchJob):
    """One call whose result is a long list, taken apart row by row.

    The rows are never all there as they came: each becomes what `row` makes of it.
    """

    def __init__(self, call: Call, row: Callable[[Any], Any], timeout: float) -> None:
        """`timeout`: as `BatchJob`."""
        super().__init__([call], timeout)
        self._row = row

    def _read(self, body: bytes) -> Any:
        text = body.decode("latin-1")
        del body
        if not text.startswith(_LIST):
            answer = json.loads(text)
            for element in answer if isinstance(answer, list) else ():
                if isinstance(element, dict) and isinstance(element.get("result"), list):
                    element["result"] = [self._row(row) for row in element["result"]]
            return answer
        rows, at = [], len(_LIST)
        decode = json.JSONDecoder().raw_decode
        while text[at : at + 1] == "{":
            row, at = decode(text, at)
            rows.append(self._row(row))
            if text[at : at + 1] == ",":
                at += 1
        answer = json.loads(_LIST + text[at:])
        answer[0]["result"] = rows
        return answer


def _element(number: int, element: Any) -> Any:
    if not isinstance(element, dict) or element.get("id") != number or "result" not in element:
        raise UnreadableAnswer("an element of the answer is no JSON-RPC reply to its call")
    error = element.get("error")
    if error is None:
        return element["result"]
    return JSONRPCException(error if isinstance(error, dict) else {})
