"""The plan as a reviewer sees it: what it says, what is folded, and that others' text stays text."""

import datetime as dt
import html
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from pipeline.gate.findings import Finding
from pipeline.gate.waivers import Waiver
from pipeline.plan import markdown
from pipeline.plan.model import Change, Cost, Deployed, Effect, Plan, Policy
from tests.pipeline.report.sample import HOSTILE

READER = MarkdownIt("commonmark").enable("table")
CHANGES = (
    Change("replace", "Queue", "AWS::SQS::Queue", ("QueueName",), 7),
    Change("change", "Role", "AWS::IAM::Role", ("Policies",), 9),
    Change("change", "Named", "AWS::Lambda::Function", ("Environment",), 11, indirect=True),
)
EFFECT = Effect(
    "dev",
    CHANGES,
    widened=("Role: s3:GetObject on *",),
    narrowed=("Role: s3:PutObject on *",),
    opened=("GET /open",),
    closed=("GET /shut",),
    parameters=(("Memory", "128", "256"),),
    releases=True,
    costs=(Cost("key", 2, 2.0), Cost("secret", -1, -0.4), Cost("alarm", 3, None)),
)
FINDING = Finding(
    rule="no_star",
    title="t",
    severity="high",
    tool="pipeline",
    file="template.yaml",
    line=9,
    fact="f",
    message="any",
)
WAIVER = Waiver(
    "w", "no_star", "Role", "f", "it has to", "owner", "approver", "ABC-1", dt.date(2027, 1, 31), "dev", 3
)  # fmt: skip
PLAN = Plan(
    "a" * 40,
    "b" * 40,
    (EFFECT, replace(EFFECT, environment="prod")),
    {"app.zip": ("1" * 64, "2" * 64)},
    ("a note",),
    policy=Policy((FINDING,), (WAIVER,), (replace(WAIVER, rule="gone"),)),
    deployed={"prod": Deployed("c" * 40, dt.datetime(2026, 11, 27, 14, 3, tzinfo=dt.UTC), 245)},
)


def page(plan: Plan) -> str:
    return str(READER.render(markdown.render(plan)))


def seen(plan: Plan) -> str:
    """The text of the page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page(plan))).split())


@pytest.mark.parametrize(
    "said",
    [
        "1 to replace, 1 to change in dev, prod; a new version is published",
        "and would be replaced because of QueueName (dev, prod)",
        "open to everybody: GET /open",
        "may do more: Role: s3:GetObject on *",
        "high template.yaml:9 any (no_star) open",
        "no_star on Role, dev: f it has to (ABC-1) owner, approver 2027-01-31",
        "gone on Role, dev: f (owner)",
        "dev, prod : 1 to replace, 1 to change, 1 right added, 1 right taken away, 1 route opens, 1 route closes",
        "1 route closes, 1 parameter differs, at least $1.60 a month more",
        "Written anew, since they name what changes: Named.",
        "Cost a month: 2 keys more ($2.00), 1 secret fewer ($0.40). Of no known price in this region: 3 alarms more.",
        "prod was deployed last on 2026-11-27 at 14:03 UTC, in 4 min: cccccccccccc .",
        "Code : app.zip changes",
    ],
)
def test_a_reviewer_reads(said: str) -> None:
    """Each thing that decides, in words."""
    assert said in seen(PLAN)


def test_environments_that_differ_stand_apart() -> None:
    """Each with its own counts."""
    text = seen(replace(PLAN, effects=(EFFECT, Effect("prod", ()))))

    assert "1 to replace, 1 to change in dev; no resource changes in prod" in text
    assert "prod : no resource changes prod was deployed last on" in text


def test_only_what_decides_is_unfolded() -> None:
    """The tables of environments and code open with a click, and in them Markdown is read."""
    found = page(PLAN)
    folds = found.split("<details>")[1:]

    assert ["dev, prod", "Code"] == re.findall(r"<details><summary><b>(.*?)</b>", found)
    assert all("<table>" in one.partition("</details>")[0] for one in folds)
    assert "Look at these" in found.partition("<details>")[0]


def test_a_long_list_is_folded() -> None:
    """Fifteen are seen at once, the others with a click."""
    rights = tuple(f"Role: s3:Get{number} on x" for number in range(40))
    found = page(replace(PLAN, effects=(replace(EFFECT, widened=rights),)))

    assert "<summary>27 more</summary>" in found.partition("<b>dev</b>")[0]
    assert 40 == found.partition("<b>dev</b>")[0].count("may do more")


def test_findings_are_folded_and_end() -> None:
    """Five are seen at once, fifty told at all; the check's own summary has the others."""
    found = page(replace(PLAN, policy=Policy(tuple(replace(FINDING, line=line) for line in range(60)))))
    seen_at_once, _, others = found.partition("<summary>55 more</summary>")

    assert (5, 45) == (seen_at_once.count("no_star"), others.count("no_star"))
    assert "10 of them are in the summary of the check alone." in others


def test_nothing_new_is_said_and_what_nobody_judged() -> None:
    """No verdict is no all-clear."""
    assert "No new finding of policy, no new waiver." in seen(replace(PLAN, policy=Policy()))
    silent = seen(replace(PLAN, policy=Policy(unjudged=("zizmor: it broke",))))

    assert "Not judged : zizmor: it broke" in silent
    assert "No new finding" not in silent


def test_what_is_not_known_is_left_out() -> None:
    """Costs and deployments: no word of them."""
    text = seen(replace(PLAN, effects=(replace(EFFECT, costs=()),), deployed={}))

    assert "a month" not in text
    assert "deployed last" not in text


def test_others_text_stays_text() -> None:
    """Wherever a template, a waiver or a finding can put it: also in the line that folds, which is HTML."""
    evil = f"{HOSTILE}</summary></details>\n\n# title\n\n<script>"
    change = Change("replace", evil, evil, (evil,), 1)
    effect = Effect(
        evil, (change, replace(change, action="change", indirect=True)), (evil,), (evil,), (evil,), (evil,),
        ((evil, evil, evil),), True, (Cost("key", 1, None),),
    )  # fmt: skip
    finding = replace(FINDING, file=evil, message=evil, rule=evil, resource=evil, waiver=evil)
    waiver = replace(
        WAIVER, rule=evil, resource=evil, fact=evil, reason=evil, owner=evil, approver=evil, ticket=evil
    )
    plan = Plan(
        "a" * 40, "b" * 40, (effect,), {evil: (evil, evil)}, (evil,),
        policy=Policy((finding,), (waiver,), (waiver,), (evil,)),
        deployed={evil: Deployed(evil, dt.datetime(2026, 11, 27, tzinfo=dt.UTC), None)},
    )  # fmt: skip
    found = page(plan)

    assert [] == [tag for tag in ("<a", "<img", "<script", "<em", "<h1") if tag in found]
    assert 2 == found.count("<details>") == found.count("</details>") == found.count("</summary>")
    assert "@" not in re.sub("@\u200b", "", html.unescape(found))
