import y  # type: ignore[import-untyped]

value = load()  # noqa: S310 - always https
name = load()  # noqa: N818
