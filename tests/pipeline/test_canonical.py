"""The one form of JSON, by RFC 8785, whose own examples these are."""

import json
from typing import Any

import pytest

from pipeline.base.canonical import canonical


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (  # 3.2.2
            {
                "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"/",
                "literals": [None, True, False],
            },
            (
                b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
                b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
            ),
        ),
        (  # 3.2.3: keys by their UTF-16 code units
            dict.fromkeys(["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"], 0),
            '{"\\r":0,"1":0,"\u0080":0,"\u00f6":0,"\u20ac":0,"\U0001f600":0,"\ufb33":0}'.encode(),
        ),
        ([-0.0, 1.0, 9007199254740991], b"[0,1,9007199254740991]"),  # appendix B
    ],
)
def test_is_the_form_of_the_rfc(data: Any, expected: bytes) -> None:
    """Numbers as ECMAScript writes them, keys in one order everywhere."""
    assert expected == canonical(data)


@pytest.mark.parametrize("data", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, {"a": object()}])
def test_what_has_no_such_form_is_refused(data: Any) -> None:
    """Two readers could take it for two things."""
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own kinds of it
        canonical(data)


def test_ordinary_documents_keep_their_digests() -> None:
    """Of texts, whole numbers and seconds: what bundles, statements and records are made of."""
    document = {
        "schema": 1,
        "files": {"b.zip": "0" * 64, "a": "é"},
        "seconds": 3.214,
        "none": None,
        "all": [True],
    }
    before = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert before == canonical(document)
