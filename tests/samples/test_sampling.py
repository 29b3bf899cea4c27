"""Samples of TFRecord files."""

import collections
import os
import re

import pytest
import tensorflow as tf
from versions import OF_NO_VERSION

from tfx_tflite_component.config import given_config, read_config
from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.samples import sampling
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.samples.sampling import draw_samples, sample

pytestmark = OF_NO_VERSION


def _write(path, records, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record.encode())
    return str(path)


@pytest.fixture
def shards(tmp_path):
    return [
        _write(tmp_path / f"shard-{shard}.gz", [f"{shard}{i:03}" for i in range(100)], "GZIP")
        for shard in "abcd"
    ]


def _sampled(files, count, seed=0):
    """One sample of some files."""
    (drawn,) = sample({"one": files}, {"one": count}, {"one": seed}).values()
    return [one.record for one in drawn]


def test_sample_has_the_count_and_no_example_twice(shards):
    found = _sampled(shards, 40)
    assert len(set(found)) == len(found) == 40


def test_sample_is_drawn_uniformly_from_the_whole_of_every_shard(tmp_path):
    files = [
        _write(tmp_path / name, [f"{name}{i:04}" for i in range(size)])
        for name, size in [("a", 4000), ("b", 1000)]
    ]
    counts = collections.Counter(
        (record[:1], int(record[1:]) // 500) for record in _sampled(files, 1000)
    )
    # 100 of each 500 records, by a binomial distribution with a standard deviation of 9
    assert len(counts) == 10
    assert all(60 < count < 140 for count in counts.values())


def test_example_knows_its_file_and_its_position_there(shards):
    for drawn in sample({"one": shards}, {"one": 40}, {"one": 0})["one"]:
        assert drawn.path.endswith(f"shard-{drawn.record.decode()[0]}.gz")
        assert drawn.position == int(drawn.record[1:])


def test_same_seed_gives_the_same_sample_for_any_order_of_files(shards):
    assert _sampled(shards, 10, seed=1) == _sampled(shards[::-1], 10, seed=1)


def test_other_seed_gives_another_sample(shards):
    assert _sampled(shards, 10, seed=1) != _sampled(shards, 10, seed=2)


def test_fewer_examples_than_wanted_are_all_of_them(tmp_path):
    path = _write(tmp_path / "plain", ["a", "b", "c"])
    assert sorted(_sampled([path], 10)) == [b"a", b"b", b"c"]


def test_file_that_several_patterns_match_is_read_once(tmp_path):
    path = _write(tmp_path / "plain", ["a", "b", "c"])
    assert len(_sampled([path, path], 10)) == 3


def test_compressed_and_plain_files_mix(tmp_path):
    files = [_write(tmp_path / "a", ["a"]), _write(tmp_path / "b.gz", ["b"], "GZIP")]
    assert sorted(_sampled(files, 2)) == [b"a", b"b"]


def _three(files, **counts):
    drawn = sample(files, counts, dict.fromkeys(files, 0))
    return {name: [one.record for one in some] for name, some in drawn.items()}


def test_samples_of_the_same_files_share_no_example(shards):
    found = _three(dict.fromkeys("xyz", shards), x=100, y=50, z=30)
    assert {name: len(records) for name, records in found.items()} == {"x": 100, "y": 50, "z": 30}
    assert len({record for records in found.values() for record in records}) == 180


def test_too_few_examples_are_divided_as_the_samples_ask(tmp_path):
    path = _write(tmp_path / "plain", [f"{i:02}" for i in range(70)])
    found = _three({"x": [path], "y": [path]}, x=500, y=200)
    assert (len(found["x"]), len(found["y"])) == (50, 20)
    assert len({*found["x"], *found["y"]}) == 70


def test_samples_whose_files_overlap_in_part_share_no_example(shards):
    found = _three({"x": shards[:2], "y": shards[1:]}, x=190, y=290)
    assert {record[:1] for record in found["x"]} == {b"a", b"b"}
    assert {record[:1] for record in found["y"]} == {b"b", b"c", b"d"}
    assert not set(found["x"]) & set(found["y"])
    # all of shard a, and of b what the other leaves
    assert len(found["x"]) + len(found["y"]) == 400


def test_memory_is_bounded_by_bytes_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "_MAX_BYTES", 5000)
    path = _write(tmp_path / "large", [f"{i:0100}" for i in range(2000)])
    found = _sampled([path], 500)
    assert len(found) == 50
    # still from everywhere
    assert min(map(int, found)) < 400 and max(map(int, found)) > 1600


@pytest.mark.parametrize("place", ["a bucket without a name", "a name that is not UTF-8"])
def test_invalid_patterns_are_reported(place, tmp_path):
    pattern = "gs:///data/*"
    if place == "a name that is not UTF-8":
        pattern = f"{tmp_path}/*"
        open(os.fsencode(tmp_path) + b"/\xff", "w").close()
    with pytest.raises(ExamplesError, match=f"cannot be looked for by '{re.escape(pattern)}'"):
        draw_samples(read_config(None), {"verification": Files("`examples`", [pattern])})


@pytest.mark.parametrize(("count", "is_told"), [(None, False), (200, True)])
def test_too_few_examples_cause_a_warning_if_num_examples_is_set(count, is_told, tmp_path, caplog):
    files = Files("`examples`", [_write(tmp_path / "plain", ["a"])])
    config = given_config({"verification": {"num_examples": count} if count else {}})
    (drawn,) = draw_samples(config, {"verification": files})["verification"]
    assert (drawn.record, drawn.path, drawn.position) == (b"a", *files.patterns, 0)
    assert (f"num_examples is {count}, but only 1 examples of `examples`" in caplog.text) == is_told
