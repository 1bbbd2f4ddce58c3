"""What the gate imports is the gate."""


def holes() -> list[str]:
    return []
