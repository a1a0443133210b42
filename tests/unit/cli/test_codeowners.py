from __future__ import annotations

import pytest


@pytest.fixture
def owned(project):
    """The project with owners at one of its two teams."""
    parent = project / "parent.yaml"
    core = 'core: {contact: "#team-core", codeowners: ["@org/core"]}'
    parent.write_text(parent.read_text().replace('core: {contact: "#team-core"}', core))
    return project


def test_the_file_is_written_and_what_stood_there_stays(owned, aoa):
    (owned / "CODEOWNERS").write_text("* @org/everybody\n")
    result = aoa("codeowners")
    assert (result.code, result.out) == (0, "CODEOWNERS: 2 lines written.\n")
    assert "Nobody owns the children of: web" in result.err
    assert "Nobody owns parent.yaml" in result.err
    text = (owned / "CODEOWNERS").read_text()
    assert text.startswith("* @org/everybody\n\n# BEGIN app-of-apps shop\n")
    assert "/apps/db.yaml @org/core\n/apps/api.yaml @org/core\n# END app-of-apps shop\n" in text
    assert aoa("codeowners", "--check").out == "CODEOWNERS is current.\n"


def test_a_check_writes_nothing_and_shows_what_differs(owned, aoa):
    result = aoa("codeowners", "--check")
    assert result.code == 1
    assert "+/apps/api.yaml @org/core" in result.out
    assert "run `aoa codeowners`" in result.err
    assert not (owned / ".github").exists()
    aoa("codeowners")
    assert (owned / ".github/CODEOWNERS").is_file()
    (owned / ".github/CODEOWNERS").write_text((owned / ".github/CODEOWNERS").read_text().replace("@org/core", "@me"))
    assert "-/apps/api.yaml @me" in aoa("codeowners", "--check").out


def test_another_file_or_none_at_all(owned, aoa):
    assert "/apps/api.yaml @org/core" in aoa("codeowners", "--output", "-").out
    assert not (owned / ".github").exists()
    assert aoa("codeowners", "--output", "-", "--check").code == 2
    aoa("codeowners", "--output", "elsewhere/OWNERS")
    assert "@org/core" in (owned / "elsewhere/OWNERS").read_text()


@pytest.mark.usefixtures("project")
def test_without_owners_it_says_where_to_write_them(aoa):
    result = aoa("codeowners")
    assert result.code == 2
    assert "parent.yaml:5:3: teams: neither a team nor the parent has codeowners" in result.err
