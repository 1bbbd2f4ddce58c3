"""The errors a user of `pipeline` sees: what failed, how to resolve it, and the exit code."""


class PipelineError(Exception):
    """Something failed that a person can resolve. Caught once, in `cli.py`.

    `message` says what failed and where, `hint` how to resolve it; `exit_code` is what the process ends with.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class GateError(PipelineError):
    """A gate is shut: the thing was judged, and may not go on."""

    exit_code = 1


class ConfigurationError(PipelineError):
    """Wrong usage or configuration: nothing was judged."""

    exit_code = 2


class ToolError(PipelineError):
    """A program that the pipeline calls is missing, failed, or gave no answer in time."""

    exit_code = 2


def said(error: Exception) -> str:
    """What an error says, for a sentence about it; of one that nobody expected also what it is."""
    return error.message if isinstance(error, PipelineError) else repr(error)
