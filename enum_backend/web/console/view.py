"""One request for a page: who asks, what was posted, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from enum_backend.accounts import Admin
from enum_backend.audit.model import AuditEvent, Severity
from enum_backend.errors import Unauthorized
from enum_backend.messaging.lists import Viewer
from enum_backend.web.console import flash
from enum_backend.web.console.forms import Form
from enum_backend.web.console.frame import ROOT, page_response
from enum_backend.web.endpoints import Call
from enum_backend.web.middleware import client_address

if TYPE_CHECKING:
    from enum_backend.accounts.model import Session, User
    from enum_backend.web.console.page import Page
    from enum_backend.web.services import Services

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class View:
    """One request as the handler of a page sees it.

    Attributes:
        form: what was posted; of a GET, the filters in its address.
        session: None on the pages that anyone may see.
    """

    call: Call
    page: Page
    form: Form
    session: Session | None = None

    @property
    def request(self) -> web.Request:
        """The request itself."""
        return self.call.request

    @property
    def services(self) -> Services:
        """The parts of the server."""
        return self.call.services

    @property
    def csrf(self) -> str:
        """What the visitor's forms must carry; empty without a session."""
        return self.session.csrf if self.session is not None else ""

    @property
    def own_session(self) -> Session:
        """The visitor's session.

        Raises:
            Unauthorized: there is none.
        """
        if self.session is None:
            raise Unauthorized("Log in first.")
        return self.session

    @property
    def admin(self) -> User:
        """Who is logged in.

        Raises:
            Unauthorized: nobody is.
        """
        return self.own_session.user

    @property
    def actor(self) -> Admin:
        """The same for the accounts' audit entries."""
        return Admin(self.admin.id, self.admin.email)

    @property
    def viewer(self) -> Viewer:
        """The reader of message lists that an admin is."""
        return Viewer("default", is_admin=True)

    @property
    def ip(self) -> str:
        """Where the request came from."""
        return client_address(self.request, self.services.settings.http.trusted_proxies)

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def render(
        self, template: str, *, status: int = HTTPStatus.OK, title: str = "", **context: Any
    ) -> web.Response:
        """The page made of a template, which sees `context`, `view`, `form`, `page` and `menu`."""
        return page_response(self, template, status, title or self.page.title, context)

    def confirm(
        self,
        *,
        what: str,
        button: str,
        action: str,
        back: str,
        facts: Sequence[tuple[str, Any]] = (),
        hidden: Mapping[str, str] | None = None,
        status: int = HTTPStatus.OK,
    ) -> web.Response:
        """The page that asks before something is done that cannot be taken back.

        Args:
            what: the question; facts: what it is about; button: what pressing it does.
            action, back: paths below `/admin`: where the answer is posted, and the way out.
            hidden: further fields that are posted.
        """
        return self.render(
            "confirm.html",
            status=status,
            what=what,
            button=button,
            action=action,
            back=back,
            facts=facts,
            hidden=hidden or {},
        )

    def go(self, path: str, said: str = "", *, kind: flash.Kind = "ok") -> web.Response:
        """Send the browser to another page of the console, which shows `said` once."""
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"{ROOT}{path}"})
        if said and self.session is not None:
            flash.put(response, self.csrf, kind, said)
        return response

    async def audit(
        self,
        event_type: str,
        description: str,
        severity: Severity = Severity.MEDIUM,
        **metadata: str | int | bool | None,
    ) -> None:
        """Record what the admin did."""
        await self.services.audit.record(
            AuditEvent(
                event_type=event_type,
                severity=severity,
                description=description,
                user_id=self.admin.id,
                metadata={
                    "adminId": self.admin.id,
                    "adminEmail": self.admin.email,
                    "ip": self.ip,
                    **metadata,
                },
            )
        )
