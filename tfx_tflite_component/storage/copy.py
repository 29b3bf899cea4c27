"""Copies folders without their modes, so that copies of read-only folders can be changed."""

import pathlib
import shutil
from collections.abc import Collection


def copy_folder(source: pathlib.Path, target: pathlib.Path, without: Collection[str] = ()) -> None:
    """Copies a folder with its content; links are followed.

    Args:
        source: The folder.
        target: Where the copy is made; it does not exist yet.
        without: The names in the folder that are left out.
    """
    target.mkdir()
    for entry in source.iterdir():
        if entry.name in without:
            continue
        if entry.is_dir():
            copy_folder(entry, target / entry.name)
        else:
            shutil.copyfile(entry, target / entry.name)


def copy_files(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies the files of a folder into another folder that exists.

    Args:
        source: The folder, without folders in it; nothing is copied if there is none.
        target: The other folder.
    """
    for file in source.glob("*"):
        shutil.copyfile(file, target / file.name)
