"""An inbox with one message and its deliveries."""

from __future__ import annotations

import pytest

from tests.unit.messaging.inbound_world import InboundWorld
from tests.unit.messaging.messaging_world import World


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    return InboundWorld(world)
