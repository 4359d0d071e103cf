"""What every answer tells a browser: which scripts may run, that nobody may frame it or guess."""

from __future__ import annotations

import pytest

PAGES = ["/console/", "/console/users", "/console/keys", "/admin/", "/nowhere"]
WITH_STYLES = ["/docs/", "/api/v1/", "/users"]  # whose makers write styles into the page


def policy(client, path: str) -> dict[str, list[str]]:
    """Return the content security policy of an answer: its sources by directive."""
    answer = client.get(path, headers={"Accept": "text/html"}, follow=True)
    lines = answer.headers["Content-Security-Policy"].split(";")
    words = [line.split() for line in lines]
    return {name: sources for name, *sources in words}


@pytest.mark.parametrize("path", [*PAGES, *WITH_STYLES])
def test_no_script_runs_that_is_no_file_of_ours(administrator, path):
    found = policy(administrator, path)
    assert found["default-src"] == found["base-uri"] == found["frame-ancestors"] == ["'none'"]
    scripts = [source for source in found["script-src"] if not source.startswith("'nonce-")]
    assert scripts == found["form-action"] == found["connect-src"] == ["'self'"]


@pytest.mark.parametrize("path", PAGES)
def test_no_style_is_taken_from_the_page(administrator, path):
    assert policy(administrator, path)["style-src"] == ["'self'"]


@pytest.mark.parametrize("path", PAGES)
def test_no_answer_is_framed_guessed_at_or_told_to_others(administrator, path):
    headers = administrator.get(path, follow=True).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
