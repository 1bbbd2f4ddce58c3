"""A passport as a page for people. Everything in it is escaped: it holds what strangers wrote."""

from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

_TEMPLATES = {
    "passport.html": """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Passport of {{ content.version }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; border-bottom: 1px solid #ccc; font-size: 1.1rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; vertical-align: top; width: 14rem; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid #eee; overflow-wrap: anywhere; }
code { font-size: .9em; }
</style>
{% macro show(value) -%}
  {%- if value is mapping -%}
    <table>
    {%- for name, item in value.items() %}<tr><th scope="row">{{ name }}</th><td>{{ show(item) }}</td></tr>{% endfor -%}
    </table>
  {%- elif value is string or value is number or value is boolean -%}{{ value }}
  {%- elif value is none -%}nobody said
  {%- elif value is iterable -%}
    {%- if value %}<ul>{% for item in value %}<li>{{ show(item) }}</li>{% endfor %}</ul>{% else %}none{% endif -%}
  {%- endif -%}
{%- endmacro %}
<h1>{{ content.version }} on {{ content.environment }}</h1>
<p>A reading copy. The signed document is the JSON beside it: <code>pipeline passport verify FILE --key PEM</code>.</p>
{% for name, value in content.items() if name not in ("schema", "version", "environment") %}
<h2>{{ name }}</h2>
{{ show(value) }}
{% endfor %}
</html>
"""
}
_ENVIRONMENT = Environment(
    loader=DictLoader(_TEMPLATES), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)


def of_passport(content: Mapping[str, Any]) -> str:
    """The page of a passport's content."""
    return _ENVIRONMENT.get_template("passport.html").render(content=content)
