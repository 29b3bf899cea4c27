"""Samples of TFRecord files."""

import collections
import os
import re

import pytest
import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.samples.sampling import Files, draw_samples, sample


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


def test_sample_has_the_count_and_no_example_twice(shards):
    found = sample(shards, 40, seed=0)
    assert len(set(found)) == len(found) == 40


def test_sample_is_spread_over_all_shards(shards):
    counts = collections.Counter(record[:1] for record in sample(shards, 40, seed=0))
    assert sorted(counts) == [b"a", b"b", b"c", b"d"]
    assert min(counts.values()) >= 4


def test_same_seed_gives_the_same_sample_whatever_the_order_of_the_files(shards):
    assert sample(shards, 10, seed=1) == sample(shards[::-1], 10, seed=1)


def test_other_seed_gives_another_sample(shards):
    assert sample(shards, 10, seed=1) != sample(shards, 10, seed=2)


def test_fewer_examples_than_wanted_are_all_of_them(tmp_path):
    path = _write(tmp_path / "plain", ["a", "b", "c"])
    assert sorted(sample([path], 10, seed=0)) == [b"a", b"b", b"c"]


def test_compressed_and_plain_files_mix(tmp_path):
    files = [_write(tmp_path / "a", ["a"]), _write(tmp_path / "b.gz", ["b"], "GZIP")]
    assert sorted(sample(files, 2, seed=0)) == [b"a", b"b"]


@pytest.mark.parametrize("place", ["a bucket without a name", "a name that is not UTF-8"])
def test_what_cannot_be_looked_for_is_told(place, tmp_path):
    pattern = "gs:///data/*"
    if place == "a name that is not UTF-8":
        pattern = f"{tmp_path}/*"
        open(os.fsencode(tmp_path) + b"/\xff", "w").close()
    with pytest.raises(ExamplesError, match=f"cannot be looked for by '{re.escape(pattern)}'"):
        draw_samples(read_config(None), {"verification": Files("`examples`", [pattern])})


@pytest.mark.parametrize(("count", "is_told"), [(200, False), (500, True)])
def test_lack_of_examples_is_told_unless_they_are_the_default_number(
    count, is_told, tmp_path, caplog
):
    files = Files("`examples`", [_write(tmp_path / "plain", ["a"])])
    config = read_config({"verification": {"num_examples": count}})
    assert draw_samples(config, {"verification": files}) == {"verification": [b"a"]}
    assert (f"{count} are asked for, but `examples` hold 1" in caplog.text) == is_told


def test_files_are_read_only_as_far_as_it_takes(tmp_path):
    path = _write(tmp_path / "long", [f"{i:05}" for i in range(20_000)])
    with open(path, "r+b") as file:
        file.seek(-10, 2)
        file.write(b"damaged")
    assert len(sample([path], 5, seed=0)) == 5
