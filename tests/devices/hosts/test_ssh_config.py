from __future__ import annotations

import os

import pytest

from edgeq.devices.hosts.ssh_config import configured_hosts


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / ".ssh"
    folder.mkdir()
    return folder / "config"


def test_names_of_hosts_come_in_their_order_and_patterns_are_none(config):
    config.write_text(
        '# Host comment\nHost pi\n  HostName 10.0.0.7\n\nHOST = jetson  *.lab !bad "quoted"\nHost pi\n'
        "Match host x\nHost web?\n"
    )
    assert configured_hosts(config) == ("pi", "jetson", "quoted")


def test_included_files_are_read_relative_to_the_folder_of_the_configuration(config):
    (config.parent / "more").mkdir()
    (config.parent / "more" / "b.conf").write_text("Host b\nInclude deeper\n")
    (config.parent / "more" / "a.conf").write_text("Host a\n")
    (config.parent / "deeper").write_text("Host c\n")
    config.write_text("Include more/*.conf\nHost last\n")
    assert configured_hosts(config) == ("a", "b", "c", "last")


def test_files_that_include_themselves_come_to_an_end(config):
    config.write_text("Host one\nInclude config config\n")
    assert configured_hosts(config) == ("one",)


@pytest.mark.parametrize("word", ["~nobody-of-that-name/x", "a**b", "\0", "/"])
def test_an_include_of_nothing_is_passed_over(config, word):
    config.write_text(f"Include {word}\nHost one\n")
    assert configured_hosts(config) == ("one",)


def test_no_configuration_names_no_hosts(tmp_path):
    assert configured_hosts(tmp_path / "none") == ()


def test_bytes_that_are_no_text_and_a_pipe_do_no_harm(config):
    config.write_bytes(b"\xff\xfe\0Host\nHost good\nHost\n" + b"x" * 100_000)
    assert configured_hosts(config) == ("good",)
    config.unlink()
    os.mkfifo(config)
    assert configured_hosts(config) == ()
