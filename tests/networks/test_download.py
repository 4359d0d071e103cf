from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from recognition.networks.download import PATIENCE, DownloadFailed, Patience, Wanted, download

QUICK = Patience(opening=0.5, silence=0.5)
NO_RESUME = Patience(opening=0.5, silence=0.5, resumes=0)


@pytest.fixture
def wanted(file_server) -> Wanted:
    return Wanted(file_server.url, file_server.sha256, limit=1_000_000)


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "downloads" / "weights.pt"


def left_over(target: Path) -> list[str]:
    return sorted(p.name for p in target.parent.iterdir() if not p.name.endswith(".lock"))


def test_download_brings_the_whole_file_and_tells_how_far_it_is(file_server, wanted, target):
    told: list[tuple[int, int | None]] = []
    download(wanted, target, progress=lambda there, total: told.append((there, total)))
    assert target.read_bytes() == file_server.content
    assert told == sorted(told) and told[0] == (0, 300_000) and told[-1] == (300_000, 300_000)
    assert left_over(target) == ["weights.pt"]


def test_download_asks_for_nothing_that_is_there_already(file_server, wanted, target):
    download(wanted, target)
    download(wanted, target)
    assert len(file_server.requests) == 1


def test_download_waits_for_a_slow_server(file_server, wanted, target):
    file_server.pause = 0.08  # 1.2 s in all, each piece within the 0.5 s of silence
    download(wanted, target, patience=QUICK)
    assert target.read_bytes() == file_server.content


def test_download_goes_on_where_it_was_cut(file_server, wanted, target):
    file_server.cuts = [100_000, 50_000]
    download(wanted, target, patience=QUICK)
    assert [r.get("Range") for r in file_server.requests] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
    ]
    assert target.read_bytes() == file_server.content


def test_download_goes_on_in_a_later_run(file_server, wanted, target):
    file_server.cuts = [100_000]
    with pytest.raises(DownloadFailed, match="cut"):
        download(wanted, target, patience=NO_RESUME)
    download(wanted, target, patience=NO_RESUME)
    assert file_server.requests[1]["Range"] == "bytes=100000-"
    assert file_server.requests[1]["If-Range"] == '"first"'
    assert target.read_bytes() == file_server.content


def test_download_starts_over_where_the_server_ignores_ranges(file_server, wanted, target):
    file_server.ranges, file_server.cuts = False, [100_000]
    download(wanted, target, patience=QUICK)
    assert target.read_bytes() == file_server.content


def test_download_starts_over_when_the_file_changed_meanwhile(file_server, wanted, target):
    file_server.cuts = [100_000]
    old = Wanted(wanted.url, "0" * 64, wanted.limit)
    with pytest.raises(DownloadFailed):
        download(old, target, patience=NO_RESUME)
    file_server.content, file_server.etag = file_server.content[::-1], '"second"'
    download(Wanted(wanted.url, file_server.sha256, wanted.limit), target, patience=QUICK)
    assert target.read_bytes() == file_server.content


def test_download_starts_over_when_more_is_there_than_the_file_has(file_server, wanted, target):
    target.parent.mkdir()
    target.with_name("weights.pt.part").write_bytes(bytes(400_000))
    download(wanted, target, patience=QUICK)
    assert target.read_bytes() == file_server.content


def test_download_removes_a_file_with_the_wrong_digest(file_server, wanted, target):
    with pytest.raises(DownloadFailed, match="SHA-256"):
        download(Wanted(wanted.url, "0" * 64, wanted.limit), target)
    assert left_over(target) == []


@pytest.mark.parametrize("says_length", [True, False])
def test_download_refuses_more_than_the_limit(file_server, wanted, target, says_length):
    file_server.says_length = says_length
    with pytest.raises(DownloadFailed, match="250000 bytes"):
        download(Wanted(wanted.url, wanted.sha256, limit=250_000), target)
    assert left_over(target) == []


def test_download_tells_of_a_file_that_is_absent(file_server, wanted, target):
    file_server.status = 404
    with pytest.raises(DownloadFailed, match="404"):
        download(wanted, target)
    assert len(file_server.requests) == 1


def test_download_tells_of_a_server_that_is_absent(file_server, wanted, target):
    file_server.stop()
    with pytest.raises(DownloadFailed, match="refused"):
        download(wanted, target)


def seconds_until_failure(wanted: Wanted, target: Path, patience: Patience = QUICK) -> float:
    start = time.monotonic()
    with pytest.raises(DownloadFailed):
        download(wanted, target, patience=patience)
    return time.monotonic() - start


def test_download_gives_up_on_a_server_that_never_answers(file_server, wanted, target):
    file_server.silent = True
    assert 0.4 < seconds_until_failure(wanted, target) < 2


def test_download_gives_up_on_a_name_server_that_hangs(wanted, target, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(20) and [])
    assert 0.4 < seconds_until_failure(wanted, target) < 2
    answered.set()


def test_download_gives_up_on_a_server_that_falls_silent_and_keeps_what_came(
    file_server, wanted, target
):
    file_server.stalls_after = 60_000
    assert 0.4 < seconds_until_failure(wanted, target, NO_RESUME) < 2
    assert target.with_name("weights.pt.part").read_bytes() == file_server.content[:60_000]


def test_an_unreachable_network_is_left_alone_after_ten_seconds():
    assert PATIENCE.opening <= 10


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "/etc/hostname"])
def test_download_takes_http_and_https_alone(target, url):
    with pytest.raises(DownloadFailed, match="neither http nor https"):
        download(Wanted(url, "0" * 64, 1000), target)


def test_download_follows_no_redirect_to_a_file(file_server, wanted, target):
    file_server.redirect = "file:///etc/hostname"
    with pytest.raises(DownloadFailed):
        download(wanted, target)
    assert left_over(target) == []


def test_two_downloads_at_once_fetch_the_file_once(file_server, wanted, target):
    file_server.pause = 0.02
    threads = [threading.Thread(target=download, args=(wanted, target)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == file_server.content
    assert len(file_server.requests) == 1
