"""How a mend adds to what CloudFormation does with a resource type."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

type Properties = dict[str, Any]
type Made = tuple[str, dict[str, str]]  # the physical id, and the attributes that !GetAtt gives


def register(
    kind: str,
    create: Callable[[str, Properties, str], Made],
    update: Callable[[str, Properties, Properties], Made],
    delete: Callable[[str, Properties], None],
) -> None:
    """Teach CloudFormation a type.

    `create` gets the logical id, the properties and the stack's name; `update` the physical id, the old and
    the new properties; `delete` the physical id and the properties.
    """

    def updated(physical: str, old: Properties, new: Properties, *_: Any) -> Made:
        return update(physical, old, new)

    provisioners._RESOURCE_HANDLERS[kind] = {"create": create, "update": updated, "delete": delete}


def after(kind: str, apply: Callable[[str, Properties], None]) -> None:
    """Call `apply` with physical id and properties whenever a resource of a known type was made or updated."""
    handler = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handler["create"], handler["update"]

    def created(logical: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical, properties, stack)
        apply(made[0], properties)
        return made

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        made: Made = update(physical, old, new, *rest)
        apply(made[0], new)
        return made

    handler["create"], handler["update"] = created, updated


def before(kind: str, judge: Callable[[Properties], None], *, updates: bool = True) -> None:
    """Call `judge` with the properties before a resource of a known type is made, and before it is updated: what it
    raises is the reason of the failure."""
    handler = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handler["create"], handler["update"]

    def created(logical: str, properties: Properties, stack: str) -> Made:
        judge(properties)
        made: Made = create(logical, properties, stack)
        return made

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        judge(new)
        made: Made = update(physical, old, new, *rest)
        return made

    handler["create"] = created
    if updates:
        handler["update"] = updated
