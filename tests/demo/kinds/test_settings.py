FENCE = "```"


def settings(entries):
    return [entry for entry in entries if "code block" in entry.question]


def test_good_settings_stand_in_a_closed_block_and_name_the_hour(entries):
    good = [entry for entry in settings(entries) if entry.desirable]
    assert good
    for entry in good:
        before, block, _ = entry.answer.split(FENCE)
        assert before.strip()
        hour = next(line for line in block.splitlines() if line.startswith("start: ")).split()[1]
        assert hour in entry.question


def test_some_cut_off_settings_leave_the_block_open(entries):
    cut = [entry.answer.count(FENCE) for entry in settings(entries) if entry.fault == "cut_off"]
    assert 1 in cut
