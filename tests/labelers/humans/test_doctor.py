"""The server's dangers are found, each with its remedy."""

import pytest

from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.connection import Connection
from kto_data.labelers.humans.doctor import examine
from kto_data.labelers.humans.pull import pull
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


def told(findings, level):
    return "\n".join(one.what for one in findings if one.level == level)


def test_each_trap_of_the_client_and_server_is_looked_at_or_said_not_to_be(studio, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    found = examine(studio)
    for words in (
        "is sent twice by itself",
        "HTTP_PROXY is set, and is not used",
        "a project that is gone is told from one",
        "a legacy token, and the organization allows them",
        "label-studio-sdk 2.1.2",
        "nobody signs up without an invitation",
    ):
        assert words in told(found, "ok")
    for words in (
        "can edit and delete everybody",
        "keeps any label of any answer unchecked",
        "which database",
    ):
        assert words in told(found, "note")


def test_tasks_that_the_queue_passes_over_are_a_problem(ledger, studio, studio_server, add_batch, title):
    add_batch(2, overlap=1)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=1))
    [first, second] = [task["id"] for task in studio_server.tasks(title)]
    for task in (first, second):
        studio_server.annotate(task, "desirable")
    assert problems(examine(studio, ledger)) == []
    studio_server.api("PATCH", f"/api/tasks/{first}/", {"overlap": 2})
    studio_server.api("PATCH", f"/api/tasks/{second}/", {"overlap": 2, "is_labeled": False})
    [problem] = problems(examine(studio, ledger))
    assert f"1 tasks of {title!r} count as done with answers missing (the first is {first})" in problem


def test_predictions_and_answers_without_a_verdict_are_told(ledger, studio, studio_server, add_batch, title):
    add_batch(1)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=2))
    [task] = [task["id"] for task in studio_server.tasks(title)]
    studio_server.api("POST", "/api/predictions/", {"task": task, "result": [], "score": 0.5})
    studio_server.api("POST", f"/api/tasks/{task}/annotations/", {"result": []})
    pull(ledger, studio)
    found = examine(studio, ledger)
    assert "has 1 predictions" in told(found, "problem")
    assert "has 1 answers without one verdict" in told(found, "note")


def test_a_wrong_token_is_a_problem_and_not_an_error(studio_server):
    with Studio(Connection(studio_server.url, "wrong")) as studio:
        assert any("refuses the token" in one for one in problems(examine(studio)))
