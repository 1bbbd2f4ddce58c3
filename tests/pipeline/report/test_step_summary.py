"""The step summary."""

import dataclasses

from markdown_it import MarkdownIt

from pipeline.base.markdown import escape, plain
from pipeline.report import step_summary
from tests.pipeline.report.sample import FINDINGS, HOSTILE, evidence

READER = MarkdownIt("commonmark").enable("table")


def test_hostile_text_stays_text() -> None:
    """No link, image, code or HTML comes of what a pull request wrote, and no row of the table breaks."""
    page = READER.render(step_summary.render(evidence()))

    assert [] == [tag for tag in ("<a", "<img", "<script", "<code", "<em") if tag in page]
    assert [4, 2] == [
        page.split(f"<th>{head}</th>")[1].split("</table>")[0].count("<tr>")
        for head in ("severity", "setting")
    ]


def test_escaped_text_reads_the_same() -> None:
    """What a reader sees is the text, save the marks that keep mentions from being ones."""
    shown = READER.renderInline(escape("a_b* `c` <d> | [e](f) #1 @g &amp; $h$ www.i.example"))

    assert "a_b* `c` &lt;d&gt; | [e](f) #\u200b1 @\u200bg &amp;amp; $h$ www.i.example" == shown


def test_plain_markdown_reads_the_same() -> None:
    """The form for SARIF and OSCAL escapes as well."""
    shown = READER.renderInline(plain(HOSTILE))

    assert [] == [tag for tag in ("<a", "<img", "<script", "<code", "<em") if tag in shown]


def test_long_lists_end() -> None:
    """A thousand findings make a summary far below GitHub's limit of 1 MiB, which says how many are left."""
    many = [dataclasses.replace(FINDINGS[0], line=line) for line in range(1000)]
    text = step_summary.render(evidence(findings=tuple(many)))

    assert "950 more are in the report." in text
    assert len(text) < 100_000
