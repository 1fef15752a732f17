"""What annotators can be asked about: the samples of a run or of a dataset, with what labelers make of them.

Shapes: N samples, M labelers, V entries of the vote table.
"""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.dataset.manifest import SPLITS
from kto_data.dataset.read import iter_batches, read_manifest
from kto_data.errors import InputError
from kto_data.labelers.humans.batches import Source
from kto_data.labelers.humans.sampling.strategy import Candidates
from kto_data.pipeline.finished import open_run
from kto_data.runs.folder import MANIFEST
from kto_data.votes.gold import read_gold
from kto_data.votes.sample_ids import as_arrow, positions
from kto_data.votes.table import VoteTable, load_votes

STATE = "annotation"
"""The folder beside a run's steps where the ledger is."""

_MAX_SIGNATURES = 30
"""Rule signatures that are strata of their own; the rarer ones share one."""

Messages = Sequence[Mapping[str, Any]]


def state_folder(target: Path) -> Path:
    """Return where the ledger of a run or dataset is kept."""
    if (target / "votes").is_dir():
        return target / STATE
    return target.with_name(f"{target.name}.{STATE}")


def votes_folder(target: Path) -> Path:
    """Return where annotators' votes go: a run's own log, or beside a dataset."""
    return target / "votes" if (target / "votes").is_dir() else state_folder(target) / "votes"


def source_of(target: Path, *, gold: Sequence[Path] = ()) -> Source:
    """Return the samples of a run folder or dataset folder.

    Args:
        target: The folder.
        gold: Files of known labels, besides the run's own.

    Raises:
        InputError: It is neither, or not finished.
    """
    known = {one["sample_id"]: one["label"] for one in read_gold(gold).to_pylist()} if gold else {}
    if not target.is_dir():
        raise InputError(f"{target}: no such folder; name a run folder (runs/NAME) or a dataset folder")
    if (target / "votes").is_dir():
        return _of_run(target, known)
    if (target / MANIFEST).is_file():
        return _of_dataset(target, known)
    raise InputError(f"{target}: neither a run folder nor a dataset folder; `kto run` makes both")


def _of_run(folder: Path, known: Mapping[str, bool]) -> Source:
    run = open_run(folder)
    rows, kept = run.rows, run.path("prepare", "kept.parquet")
    votes = load_votes(
        run.labelers(),
        samples=kept,
        rows=rows,
        rule_blocks=run.blocks("rules"),
        vote_blocks=run.blocks("votes"),
    )
    gold = run.gold()
    return source_of_votes(rows, pq.read_table(run.path("aggregate", "labels.parquet")), votes, gold, known)


def source_of_votes(
    rows: Path, labels: pa.Table, votes: VoteTable, gold: pa.Table | None, known: Mapping[str, bool]
) -> Source:
    """Return the samples of a run in the middle of its work.

    Args:
        rows: Its rows.
        labels: Its labels so far.
        votes: Its votes so far.
        gold: Its gold.
        known: More gold: label by sample.
    """
    machine = votes.of([labeler.kind != "annotator" for labeler in votes.labelers])
    up_N, down_N = machine.per_sample(machine.up_V), machine.per_sample(machine.down_V)
    total_N = up_N + down_N
    conflict_N = np.divide(np.minimum(up_N, down_N), total_N, out=np.zeros_like(total_N), where=total_N > 0)
    label_N = [
        "undecided" if one is None else "desirable" if one else "undesirable"
        for one in labels["label"].to_pylist()
    ]
    signature_N, signatures = _signatures(machine)
    names = [
        f"{source} | {label} | {signatures[which]}"
        for source, label, which in zip(_sources(rows, votes.sample_ids), label_N, signature_N, strict=True)
    ]
    strata, stratum_N = np.unique(np.array(names, dtype=object), return_inverse=True)
    p_N = labels["p_desirable"].to_numpy(zero_copy_only=False).astype(np.float64)
    candidates = Candidates(
        votes.sample_ids, p_N, conflict_N, stratum_N.astype(np.int64), [str(one) for one in strata]
    )
    own = {} if gold is None else {one["sample_id"]: one["label"] for one in gold.to_pylist()}
    among = set(as_arrow(votes.sample_ids).to_pylist())
    return Source(
        candidates,
        lambda samples: texts_of_rows(rows, samples),
        {sample: label for sample, label in (own | dict(known)).items() if sample in among},
        lambda samples: _suggestions(machine, samples),
        machine,
    )


def _signatures(votes: VoteTable) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return which rules voted on each sample: a number each, and the names, the rarer ones put together."""
    rules = votes.of([labeler.kind == "rule" for labeler in votes.labelers])
    # a sum of random words stands for a set of rules; two sets have the same one in 2^64
    word_M = np.random.default_rng(0).integers(1, 2**63, size=max(1, len(rules.labelers)), dtype=np.uint64)
    key_N = np.zeros(len(rules.sample_ids), dtype=np.uint64)
    np.add.at(key_N, rules.sample_V, word_M[rules.labeler_V])
    _, first, which_N, count = np.unique(key_N, return_index=True, return_inverse=True, return_counts=True)
    common = np.argsort(-count, kind="stable")[:_MAX_SIGNATURES]
    place = np.full(len(count), len(common))
    place[common] = np.arange(len(common))
    names = []
    for sample in first[common]:
        voted = sorted(rules.labelers[m].name for m in rules.labeler_V[rules.sample_V == sample])
        names.append(" + ".join(voted) or "no rule")
    return place[which_N].astype(np.int64), [*names, "other rules"]


def _sources(rows: Path, sample_ids: Sequence[str]) -> list[str]:
    with duckdb.connect() as con:
        found = con.sql(
            "SELECT sample_id, min(source) AS source FROM read_parquet(?) GROUP BY sample_id",
            params=[glob.escape(str(rows))],
        ).to_arrow_table()
    at = positions(found["sample_id"].to_pylist(), as_arrow(sample_ids))
    names: list[str] = found["source"].take(pa.array(at)).to_pylist()
    return names


def texts_of_rows(rows: Path, samples: Sequence[str]) -> dict[str, tuple[Messages, Messages]]:
    """Return prompt and completion of samples."""
    with duckdb.connect() as con:
        con.execute("CREATE TABLE wanted AS SELECT unnest(?::VARCHAR[]) AS sample_id", [list(samples)])
        found = con.sql(
            "SELECT sample_id, any_value(prompt) AS prompt, any_value(completion) AS completion FROM read_parquet(?) "
            "SEMI JOIN wanted USING (sample_id) GROUP BY sample_id",
            params=[glob.escape(str(rows))],
        ).to_arrow_table()
    return {one["sample_id"]: (one["prompt"], one["completion"]) for one in found.to_pylist()}


def _suggestions(votes: VoteTable, samples: Sequence[str]) -> dict[str, str]:
    wanted = dict(zip(positions(votes.sample_ids, pa.array(list(samples))).tolist(), samples, strict=True))
    said: dict[str, list[str]] = {}
    for at in np.flatnonzero(np.isin(votes.sample_V, list(wanted))):
        up, down = bool(votes.up_V[at]), bool(votes.down_V[at])
        verdict = "both" if up and down else "desirable" if up else "undesirable"
        said.setdefault(wanted[int(votes.sample_V[at])], []).append(
            f"{votes.labelers[votes.labeler_V[at]].name}: {verdict}"
        )
    return {sample: "\n".join(lines) for sample, lines in said.items()}


def _of_dataset(folder: Path, known: Mapping[str, bool]) -> Source:
    read_manifest(folder)
    columns = ("sample_id", "p_desirable", "label", "source", "decided_by")
    batches = [batch.select(columns) for split in SPLITS for batch in iter_batches(folder, split)]
    table = pa.Table.from_batches(batches).to_pylist() if batches else []
    first = {one["sample_id"]: one for one in reversed(table)}
    ids = sorted(first)
    p_N = np.array(
        [np.nan if first[one]["p_desirable"] is None else first[one]["p_desirable"] for one in ids],
        dtype=np.float64,
    )
    names = [
        f"{first[one]['source']} | {'desirable' if first[one]['label'] else 'undesirable'} | {first[one]['decided_by']}"
        for one in ids
    ]
    strata, stratum_N = np.unique(np.array(names, dtype=object), return_inverse=True)
    candidates = Candidates(
        ids,
        p_N,
        np.zeros(len(ids)),
        stratum_N.astype(np.int64),
        [str(one) for one in strata],
        has_votes=False,
    )
    gold = {sample: label for sample, label in known.items() if sample in first}
    return Source(candidates, lambda samples: _texts_of_dataset(folder, samples), gold, lambda _samples: {})


def _texts_of_dataset(folder: Path, samples: Sequence[str]) -> dict[str, tuple[Messages, Messages]]:
    wanted = set(samples)
    found: dict[str, tuple[Messages, Messages]] = {}
    for split in SPLITS:
        for batch in iter_batches(folder, split):
            keep = pa.array([one in wanted for one in batch["sample_id"].to_pylist()])
            for one in batch.filter(keep).to_pylist():
                found.setdefault(one["sample_id"], (one["prompt"], one["completion"]))
    return found
