"""What the text as a whole is: two responses, a repeated prompt, a quotation, its end, no commas."""

from kto_data.labelers.rules.ifeval.instruction import instruction


@instruction("combination:two_responses")
def two_responses(text: str) -> bool:
    """The text is two different answers with `******` between; more dividers may stand at its very ends only."""
    parts = [part.strip() for part in text.split("******")]
    if not all(parts[1:-1]):
        return False
    answers = [part for part in parts if part]
    return len(answers) == 2 and answers[0] != answers[1]


@instruction("combination:repeat_prompt")
def repeat_prompt(text: str, *, prompt_to_repeat: str) -> bool:
    """The text begins with the prompt, word for word; upper and lower case are the same."""
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


@instruction("startend:end_checker")
def end_checker(text: str, *, end_phrase: str) -> bool:
    """The text ends with the phrase, in upper or lower case; quotation marks around the text do not matter."""
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


@instruction("startend:quotation")
def quotation(text: str) -> bool:
    """The text begins and ends with a double quotation mark."""
    body = text.strip()
    return len(body) > 1 and body.startswith('"') and body.endswith('"')


@instruction("punctuation:no_comma")
def no_comma(text: str) -> bool:
    """The text has no comma."""
    return "," not in text
