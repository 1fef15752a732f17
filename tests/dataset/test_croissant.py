"""Croissant metadata."""

import json

import pytest


def test_every_shard_has_its_checksum_and_every_column_its_meaning(row, write):
    folder, manifest = write([row(0), row(1, label=False), row(2, split="test")])
    found = json.loads((folder / "croissant.json").read_text())
    assert [(file["contentUrl"], file["sha256"]) for file in found["distribution"]] == [
        (shard.path, shard.sha256) for shard in manifest.shards
    ]
    fields = {field["name"]: field for field in found["recordSet"][0]["field"]}
    assert fields["label"]["dataType"] == "sc:Boolean"
    assert [part["name"] for part in fields["prompt"]["subField"]] == ["role", "content"]
    assert all(field["description"] for field in fields.values())


def test_mlcroissant_accepts_it_and_reads_labels(row, write):
    mlcroissant = pytest.importorskip("mlcroissant")
    folder, _ = write([row(0), row(1, label=False)])
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
