import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.markdown import Markdown

TEXT = """# Title

Some **bold** and *italic* and `code`, a [link](https://a.b) and ![image](c.png).

- one
* two
1. first

| a | b |
|---|---|
| 1 | 2 |

> quoted

---

```python
# no header
- no bullet
```
~~~
open
"""


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("headers", 1),
        ("bullets", 2),
        ("numbered", 1),
        ("tables", 1),
        ("bold", 1),
        ("italic", 1),
        ("links", 1),
        ("images", 1),
        ("quotes", 1),
        ("rules", 1),
        ("inline_code", 1),
        ("code_blocks", 2),
    ],
)
def test_each_kind_is_counted_outside_code(kind, n):
    assert Markdown(**{kind: {"min": n, "max": n}}).decide(TEXT, Context()).holds
    assert not Markdown(**{kind: {"min": n + 1}}).decide(TEXT, Context()).holds
    assert (
        Markdown(**{kind: {"max": 0}}).decide("plain text, 2 * 3 * 4, snake_case_name, #tag", Context()).holds
    )


def test_all_given_kinds_count():
    found = Markdown(headers={"max": 0}, bullets={"min": 1}).decide("# A\n- b", Context())
    assert (found.holds, found.evidence) == (False, "1 headers, 1 bullets")


def test_a_bound_may_be_captured_and_one_is_needed():
    check = Markdown(bullets={"min": "{{n}}", "max": "{{n}}"})
    assert check.decide("- a\n- b", Context(captures={"n": "two"})).holds
    assert check.capture_names() == {"n"}
    with pytest.raises(ValidationError, match="needs at least one of headers, bullets"):
        Markdown()
