from kto_data.config.descriptions import describe_options
from kto_data.config.validate import Options


class Oven(Options):
    """An oven."""

    degrees: int = 180
    """How hot, in
    degrees Celsius."""


def test_the_text_under_an_option_is_its_description():
    describe_options()
    assert Oven.model_json_schema()["properties"]["degrees"]["description"] == "How hot, in\ndegrees Celsius."


def test_options_without_source_have_no_descriptions():
    made = {}
    exec(
        "class Typed(Options):\n    '''At a prompt.'''\n\n    n: int = 1\n    '''A number.'''\n",
        {"Options": Options, "__name__": "gone"},
        made,
    )
    describe_options()
    assert "description" not in made["Typed"].model_json_schema()["properties"]["n"]
