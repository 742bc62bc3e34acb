"""The command line: each command tells what it takes, and what is no command is named among those that are."""

import pytest

from kumoniwa.cli.main import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_what_it_takes(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code in (None, 0)
    assert f"usage: kumoniwa {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["bogus"], ["--bogus"], ["--"], ["up", "--bogus"]])
def test_what_is_no_command_ends_with_two(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_overview_lists_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in COMMANDS)
