"""The page that annotators see: the conversation, the answer set apart, two keys to decide, why, and a comment.

`d` desirable, `u` undesirable, `1` to `6` reasons, `s` skip and Enter submit (where the server has that keymap,
as one that `kto annotate serve` starts; else Ctrl+Space and Ctrl+Enter). The community edition has no chat tag,
so the conversation is a Paragraphs tag in dialogue layout whose audio leftovers are hidden.
"""

from functools import cache
from importlib.resources import files

VERDICT, REASONS, COMMENT = "verdict", "reasons", "comment"
"""The names of the controls, in the results that the server returns."""

_HERE = "<!-- suggestion -->"
# behind the verdict and folded up: whoever sees a machine's answer first tends to repeat it
_SUGGESTION = """\
<View className="kto-suggestion" visibleWhen="choice-selected" whenTagName="verdict" whenChoiceValue="desirable,undesirable">
          <Collapse>
            <Panel value="What the automatic checks say">
              <View>
                <Text name="suggestion" value="$suggestion"/>
              </View>
            </Panel>
          </Collapse>
        </View>"""


@cache
def labeling_config(*, show_suggestions: bool = False) -> str:
    """Return the page as XML.

    Args:
        show_suggestions: Offer what rules and judges say, once a verdict is chosen.
    """
    text = files("kto_data.labelers.humans").joinpath("labeling_config.xml").read_text(encoding="utf-8")
    return text.replace(_HERE, _SUGGESTION if show_suggestions else "")
