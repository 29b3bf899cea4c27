"""A small model like Chicago taxi's: scaled numbers, buckets, vocabularies and a matrix."""

import pathlib

import numpy as np
import tensorflow as tf
from models import Tensors
from transformed import save_trained

COMPANIES = (b"Blue Cab", b"Checker", b"Flash", b"Sun Taxi", b"Yellow")
PAYMENTS = (b"Cash", b"Credit Card", b"Mobile")
LATITUDES = (41.7, 41.8, 41.85, 41.9, 41.95)
LONGITUDES = (-87.9, -87.75, -87.7, -87.65)
MILES, FARE, SECONDS = (3.2, 4.1), (12.0, 9.5), (800.0, 650.0)
"""Mean and standard deviation."""
HOURS = 24

FEATURES = {
    "miles": tf.io.FixedLenFeature([], tf.float32, 0.0),
    "fare": tf.io.FixedLenFeature([], tf.float32, 0.0),
    "seconds": tf.io.FixedLenFeature([], tf.int64, 0),
    "latitude": tf.io.FixedLenFeature([], tf.float32, 41.88),
    "longitude": tf.io.FixedLenFeature([], tf.float32, -87.63),
    "company": tf.io.FixedLenFeature([], tf.string, ""),
    "payment": tf.io.FixedLenFeature([], tf.string, "Cash"),
    "hour": tf.io.FixedLenFeature([], tf.int64, 12),
    "timestamp": tf.io.FixedLenFeature([], tf.int64, 0),
    "zones": tf.io.FixedLenFeature([2, 3], tf.float32),
}


class Rides(tf.Module):
    """The vocabularies and weights."""

    def __init__(self) -> None:
        super().__init__()
        self.companies = _table(COMPANIES)
        self.payments = _table(PAYMENTS)
        sizes = [len(COMPANIES) + 1, len(PAYMENTS) + 1, len(LATITUDES) + 1, len(LONGITUDES) + 1]
        width = 3 + sum(sizes) + HOURS + 6
        self.weights = tf.Variable(tf.random.stateless_normal([width, 2], seed=[3, 1]) * 0.5)

    def transform(self, features: Tensors) -> Tensors:
        """What TF Transform would do."""
        return {
            "miles_xf": (features["miles"] - MILES[0]) / MILES[1],
            "fare_xf": (features["fare"] - FARE[0]) / FARE[1],
            "seconds_xf": (tf.cast(features["seconds"], tf.float32) - SECONDS[0]) / SECONDS[1],
            "latitude_xf": tf.raw_ops.Bucketize(
                input=features["latitude"], boundaries=list(LATITUDES)
            ),
            "longitude_xf": tf.searchsorted(
                tf.constant(LONGITUDES), features["longitude"], side="right"
            ),
            "company_xf": self.companies.lookup(features["company"]),
            "payment_xf": self.payments.lookup(features["payment"]),
            "hour_xf": features["hour"],
            "zones_xf": features["zones"] / 255.0,
        }

    def infer(self, transformed: Tensors, _: Tensors) -> Tensors:
        """Scores a ride."""
        numbers = tf.stack([transformed[f"{n}_xf"] for n in ("miles", "fare", "seconds")], axis=1)
        classes = [
            tf.one_hot(transformed[name], size)
            for name, size in [
                ("company_xf", len(COMPANIES) + 1),
                ("payment_xf", len(PAYMENTS) + 1),
                ("latitude_xf", len(LATITUDES) + 1),
                ("longitude_xf", len(LONGITUDES) + 1),
                ("hour_xf", HOURS),
            ]
        ]
        zones = tf.reshape(transformed["zones_xf"], [-1, 6])
        return {"tip": tf.sigmoid(tf.concat([numbers, *classes, zones], axis=1) @ self.weights)}


def save_rides(folder: pathlib.Path) -> pathlib.Path:
    """Saves the model as a Trainer does."""
    rides = Rides()
    return save_trained(folder, rides.transform, rides.infer, FEATURES, module=rides)


def default(name: str) -> object:
    """What stands for a missing feature."""
    value = FEATURES[name].default_value
    return value.encode() if isinstance(value, str) else value


def index(words: tuple[bytes, ...], word: bytes) -> int:
    """The index of a word; that after the last for unknown words."""
    return words.index(word) if word in words else len(words)


def bucket(boundaries: tuple[float, ...], value: float) -> int:
    """The bucket of a number, compared as 32-bit floats."""
    limits = np.array(boundaries, np.float32)
    return int(np.searchsorted(limits, np.float32(value), side="right"))


def _table(words: tuple[bytes, ...]) -> tf.lookup.StaticHashTable:
    values = tf.range(len(words), dtype=tf.int64)
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(words), values)
    return tf.lookup.StaticHashTable(initializer, len(words))
