"""Flask's SECRET_KEY out of a secret that rotates, for `flask.session` and whatever else signs with it."""

from typing import Any, NoReturn

from flask import Config, Flask, Request
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface

from app.secret import Kept
from app.secrets_manager import SecretUnavailableError
from app.signing import PAUSE_SECONDS, signing_keys

type Keys = Kept[tuple[str, ...]]


def init_app(app: Flask, arn: str) -> None:
    """Sign with the keys of this secret; nothing is read before something is signed, or a session's cookie comes.

    A SECRET_KEY that the application sets itself stands.
    """
    keys = signing_keys(arn)
    app.config = _Config(app.config, keys)
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")
    app.session_interface = _Sessions(keys)


class _Config(Config):
    """Flask's settings, of which SECRET_KEY and SECRET_KEY_FALLBACKS are read when something asks for them."""

    def __init__(self, settings: Config, keys: Keys) -> None:
        super().__init__(settings.root_path, settings)
        self._keys = keys

    def __getitem__(self, name: str) -> Any:
        if name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS") and super().__getitem__("SECRET_KEY") is None:
            newest, *older = self._keys.get()
            return newest if name == "SECRET_KEY" else older
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - which it would call for ever


class _Sessions(SecureCookieSessionInterface):
    """Flask's sessions in cookies, with keys that may change between two requests."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if not request.cookies.get(self.get_cookie_name(app)):
            return self.session_class()  # there is nothing to read with a key
        try:
            session = super().open_session(app, request)
            if not session:
                self._keys.get(PAUSE_SECONDS)
                session = super().open_session(app, request)
        except SecretUnavailableError as error:
            return _Unavailable(str(error))
        return session


class _Unavailable(NullSession):
    """A session that can't be read now: who looks at it gets the error, the others don't need it."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def _fail(self, *_: Any, **__: Any) -> NoReturn:
        raise SecretUnavailableError(self._reason)

    __contains__ = __getitem__ = __iter__ = __len__ = get = items = keys = values = copy = _fail
    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = _fail
