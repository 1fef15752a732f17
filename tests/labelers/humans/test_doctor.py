"""The server's dangers are found, each with its remedy."""

import pytest

from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.doctor import examine
from kto_data.labelers.humans.push import ensure_project, send

pytestmark = pytest.mark.slow


def problems(findings):
    return [one.what for one in findings if one.level == "problem"]


def test_a_server_as_we_set_it_up_has_no_problem(ledger, studio, add_batch, title):
    add_batch(2)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=2))
    found = examine(studio, ledger)
    assert problems(found) == []
    assert any("version 1.23.2" in one.what for one in found)


def test_what_was_changed_on_the_server_is_a_problem(ledger, studio, studio_server, add_batch, title):
    add_batch(2)
    project = ensure_project(ledger, studio, title, overlap=2)
    send(ledger, studio, project)
    studio.update_project(project.id, show_collab_predictions=True, maximum_annotations=3)
    task = studio_server.tasks(title)[0]["id"]
    studio_server.api("DELETE", f"/api/tasks/{task}/")
    found = "\n".join(problems(examine(studio, ledger)))
    assert "show_collab_predictions" in found
    assert "gives a task to 3 annotators" in found
    assert "1 tasks were deleted on the server" in found


def test_a_changed_page_is_noted(ledger, studio, add_batch, title):
    add_batch(1)
    project = ensure_project(ledger, studio, title, overlap=1)
    send(ledger, studio, project)
    studio.update_project(
        project.id, label_config="<View><Text name='completion' value='$completion'/></View>"
    )
    found = problems(examine(studio, ledger))
    assert any("has no choice `verdict` any more" in one for one in found)


def test_a_wrong_token_is_a_problem_and_not_an_error(studio_server):
    with Studio(studio_server.url, "wrong") as studio:
        assert any("refuses the token" in one for one in problems(examine(studio)))
