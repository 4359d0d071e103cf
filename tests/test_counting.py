"""The folder in which the workers of one server count together."""

from __future__ import annotations

import subprocess
import sys

from facesite.counting import own_folder
from tests.servers import ROOT

HOLD = """if True:
    import sys
    from pathlib import Path
    from facesite.counting import own_folder
    print(own_folder(Path(sys.argv[1])), flush=True)
    sys.stdin.read()
    """


def test_what_ended_servers_left_is_removed_and_who_lives_is_left_alone(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout and server.stdin
        theirs = server.stdout.readline().strip()
        (tmp_path / "left").mkdir()
        mine = own_folder(tmp_path)
        assert folders(tmp_path) == {theirs, str(mine)}
        server.stdin.close()
    another = own_folder(tmp_path)
    assert folders(tmp_path) == {str(mine), str(another)}


def folders(parent) -> set[str]:
    return {str(path) for path in parent.iterdir() if path.is_dir()}
