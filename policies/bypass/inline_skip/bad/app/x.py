password = load()  # nosec # fault
other = load()  # noqa # fault
third = load()  # noqa: S105  # fault
fourth = load()  # type: ignore # fault
