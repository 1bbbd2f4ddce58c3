"""What goes wrong with the sandbox itself; exit status 2, like every wrong set-up."""

from pipeline.base.errors import ConfigurationError


class SandboxError(ConfigurationError):
    """The sandbox can't start, or isn't there."""
