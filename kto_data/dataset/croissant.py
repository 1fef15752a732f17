"""Croissant metadata of a dataset folder: MLCommons' vocabulary for data sets (https://docs.mlcommons.org/croissant/).

Version 1.0 of the format. `mlcroissant validate --jsonld croissant.json` accepts what this writes.
"""

from typing import Any

from kto_data.dataset.card import one_line
from kto_data.dataset.manifest import SPLITS, DatasetManifest

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {"label": "sc:Boolean", "weight": "sc:Float", "p_desirable": "sc:Float"}


def croissant(
    manifest: DatasetManifest, *, columns: dict[str, str], license_id: str | None = None
) -> dict[str, Any]:
    """Return the metadata as JSON-LD.

    Each shard is a file with its checksum; each split is a record set over the first shard's columns, whose parts
    are listed, so that a reader knows what every column means.

    Args:
        manifest: What the folder holds.
        columns: The columns of the shards and what they mean.
        license_id: A license as the hub names it; left out where unknown.
    """
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": one_line(manifest.name),
        "description": (
            "Single outputs, each marked desirable or undesirable, for KTO (arXiv 2402.01306). "
            f"{manifest.weights.reason}"
        ),
        "keywords": ["kto", "unpaired preference", "alignment"],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": shard.path,
                "name": shard.path,
                "contentUrl": shard.path,
                "encodingFormat": "application/x-parquet",
                "sha256": shard.sha256,
            }
            for shard in manifest.shards
        ],
        "recordSet": [
            _records(shard.path, columns)
            for split in SPLITS
            for shard in manifest.shards
            if shard.split == split
        ],
    }
    if license_id:
        described["license"] = license_id
    return described


def _records(shard: str, columns: dict[str, str]) -> dict[str, Any]:
    name = shard.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(f"{name}/{column}", shard, column, meaning) for column, meaning in columns.items()],
    }


def _field(identity: str, shard: str, column: str, meaning: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": identity,
        "name": column,
        "description": meaning,
        "dataType": _TYPES.get(column, "sc:Text"),
        "source": {"fileObject": {"@id": shard}, "extract": {"column": column}},
    }
    if column in ("prompt", "completion"):
        field["repeated"] = True
        field.pop("dataType")
        field.pop("source")
        field["subField"] = [
            {
                "@type": "cr:Field",
                "@id": f"{identity}/{part}",
                "name": part,
                "dataType": "sc:Text",
                "source": {
                    "fileObject": {"@id": shard},
                    "extract": {"column": column},
                    "transform": {"jsonPath": part},
                },
            }
            for part in ("role", "content")
        ]
    return field
