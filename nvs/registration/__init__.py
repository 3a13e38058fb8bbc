"""Write number records to the chain: build the value, check, preview, sign, send, wait.

    wanted = WantedRecord(voice=("sip:alice@domain.com",), sms="telnyx:+14155551234")
    operation = Operation(Kind.NEW, e164_nvs_name("+14155551234"), json_value(wanted), days=365)
    shown = preview(operation)
    shown.refuse_errors()
    print(command_line(operation))          # for emercoin-cli, without any node

    async with RpcClient.from_url("http://user:password@127.0.0.1:6662") as node:
        registrar = Registrar(node)
        state = await registrar.check(operation)
        txid = await registrar.submit(operation)
        confirmed = await wait_confirmed(registrar, operation, txid, state)

| file | what |
|---|---|
| `value.py` | `WantedRecord`, `json_value`, `enumer_value` |
| `operation.py` | `Operation`, `Kind`, the node's limits |
| `preview.py` | `preview`: lint findings, DNS answer, end |
| `shell.py` | `command_line`, `shell_lines` |
| `registrar.py` | `Registrar`: `state`, `check`, `sign`, `submit` |
| `waiting.py` | `wait_confirmed` |

An update without an address moves the name to a fresh one: pass
`replace(operation, address=state.address)` to keep its owner.
"""

from nvs.registration.errors import (
    InvalidRegistration,
    NotConfirmed,
    OutcomeUnknown,
    RegistrationRefused,
    SigningFailed,
)
from nvs.registration.operation import BLOCKS_PER_DAY, MAX_DAYS, Kind, Operation
from nvs.registration.preview import Preview, preview
from nvs.registration.registrar import NameState, Registrar
from nvs.registration.shell import command_line, shell_lines
from nvs.registration.value import WantedRecord, enumer_value, json_value
from nvs.registration.waiting import Confirmed, Pace, wait_confirmed

__all__ = [
    "BLOCKS_PER_DAY",
    "MAX_DAYS",
    "Confirmed",
    "InvalidRegistration",
    "Kind",
    "NameState",
    "NotConfirmed",
    "Operation",
    "OutcomeUnknown",
    "Pace",
    "Preview",
    "Registrar",
    "RegistrationRefused",
    "SigningFailed",
    "WantedRecord",
    "command_line",
    "enumer_value",
    "json_value",
    "preview",
    "shell_lines",
    "wait_confirmed",
]
