"""``channels.toml``: every mistake told with file, place and reason; secrets read only to open; limits only downwards."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from control.messages.channels.files import KINDS
from control.messages.channels.vendors import VENDORS
from control.messages.settings import check_channels, load_channels, open_channels, read_channels
from lampwell.errors import ConfigError, Problem

from .conftest import LETTER, OK, vendor_server

ROOT = Path(__file__).parents[2]
TAIHE = ROOT / "counties" / "taihe"

GOOD = """
[[channel]]
id = "duty"
kind = "dingtalk"
zh = "值班群"
en = "Duty group"
token_env = "DUTY_TOKEN"
secret_file = "{folder}/secret"
per_minute = 6
fallback = ["sms"]
test_at = "08:30"

[[channel]]
id = "sms"
kind = "modem"
zh = "短信猫"
en = "Modem"
path = "/dev/ttyUSB2"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "channels.toml").write_text(text.replace("{folder}", str(folder)))
    return folder


def problems_of(folder: Path, text: str) -> list[Problem]:
    problems: list[Problem] = []
    read_channels(write(folder, text), problems)
    return problems


def test_a_county_without_channels_has_none(tmp_path: Path) -> None:
    """Protects counties that send nothing."""
    assert load_channels(tmp_path) == ()


def test_what_is_read(tmp_path: Path) -> None:
    """Protects the settings that the sender goes by."""
    duty, sms = load_channels(write(tmp_path, GOOD))
    assert (duty.id, duty.kind, duty.zh, duty.en, duty.fallback, duty.test_at) == (
        "duty",
        "dingtalk",
        "值班群",
        "Duty group",
        ("sms",),
        510,
    )
    assert (duty.limits.per_minute, duty.limits.reserve, duty.limits.pause_s) == (6, 2, 600)
    assert (sms.limits, sms.test_at, sms.where) == (VENDORS["modem"].limits, None, "line 13, channel[2]")


def test_secrets_are_missed_only_where_channels_are_opened(tmp_path: Path) -> None:
    """Protects checking a folder on a machine without secrets: there they are warnings, told apart."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    channels = check_channels(write(tmp_path, GOOD), problems, warnings, env={})
    assert problems == []
    wanted = [
        Problem("channels.toml", "line 2, channel[1].token_env", "the environment variable DUTY_TOKEN is not set"),
        Problem(
            "channels.toml",
            "line 2, channel[1].secret_file",
            f"{tmp_path}/secret: the secret can not be read: there is no such file",
        ),
    ]
    assert warnings == wanted
    with pytest.raises(ConfigError) as error:
        open_channels(channels, env={})
    assert list(error.value.problems) == wanted


async def test_channels_are_opened_by_id(tmp_path: Path) -> None:
    """Protects the way from the file to channels."""
    (tmp_path / "secret").write_text("SEC-abc\n")
    opened = open_channels(load_channels(write(tmp_path, GOOD)), env={"DUTY_TOKEN": "abc"})
    assert {name: (channel.name, channel.kind) for name, channel in opened.items()} == {
        "duty": ("duty", "dingtalk"),
        "sms": ("sms", "modem"),
    }
    assert opened["duty"].limits.per_minute == 6
    for channel in opened.values():
        await channel.close()
        assert "abc" not in repr(channel)


HEAD = '[[channel]]\nid = "a"\nzh = "甲"\nen = "A"\n'


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("x = 1\n" + HEAD + 'kind = "modem"\npath = "/dev/x"\n', "line 1, x", "unknown key; this file holds [[channel]]"),
        (HEAD, "line 1, channel[1].kind", "is missing"),
        (HEAD + 'kind = "dingtalkk"\n', "line 5, channel[1].kind", "did you mean 'dingtalk'?"),
        (HEAD + "kind = 3\n", "line 5, channel[1].kind", "must be dingtalk, wecom, feishu"),
        (HEAD + 'kind = "modem"\n', "line 1, channel[1].path", "is missing"),
        (HEAD + 'kind = "modem"\npath = "/dev/x"\npaht = 1\n', "line 7, channel[1].paht", "unknown key; did you mean 'path'?"),
        (HEAD + 'kind = "wecom"\n', "line 1, channel[1]", "needs token_file (a file whose first line it is) or token_env"),
        (HEAD + 'kind = "wecom"\ntoken_file = "x"\ntoken_env = "X"\n', "line 1, channel[1]", "both given"),
        (HEAD + 'kind = "wecom"\ntoken = "t0p-secret"\ntoken_env = "X"\n', "line 6, channel[1].token", "unknown key"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nper_minute = 21\n', "line 7, channel[1].per_minute", "own limit of 20"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nper_minute = 0\n', "line 7, channel[1].per_minute", "at least 1"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\ntimeout_s = 0\n', "line 7, channel[1].timeout_s", "at least 0.05"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\ntest_at = "24:00"\n', "line 7, channel[1].test_at", "a time of day"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nfallback = ["b"]\n', "line 7, channel[1].fallback", "there is no channel 'b'"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nfallback = ["a"]\n', "line 7, channel[1].fallback", "stand in for itself"),
        (
            HEAD + 'kind = "wecom"\ntoken_env = "X"\nurl = "http://qyapi.weixin.qq.com/x"\n',
            "line 7, channel[1].url",
            "must be https",
        ),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nurl = "https://x.cn/?key=t0p-secret"\n', "line 7, channel[1].url", "alone"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nurl = "https://u:t0p-secret@x.cn/"\n', "line 7, channel[1].url", "alone"),
        (HEAD + 'kind = "wecom"\ntoken_env = "X"\nurl = "ftp://t0p-secret/"\n', "line 7, channel[1].url", "must be an address"),
        (
            HEAD + 'kind = "wecom"\ntoken_env = "X"\nurl = "https://[::t0p-secret"\n',
            "line 7, channel[1].url",
            "is not an address",
        ),
        (HEAD + 'kind = "smtp"\nhost = "m.cn"\nsender = "a@m.cn"\nusername = "a"\n', "line 1, channel[1]", "go together"),
        (
            HEAD + 'kind = "smtp"\nhost = "m.cn"\nsender = "a@m.cn"\nsecurity = "none"\n',
            "line 1, channel[1]",
            "this machine only",
        ),
        (HEAD + 'kind = "smtp"\nhost = "m.cn"\nsender = "a"\n', "line 7, channel[1].sender", "a mail address"),
        (HEAD + 'kind = "stand-in"\nurl = "https://x.cn/y"\n', "line 1, channel[1]", "on this machine"),
        (HEAD + 'kind = "stand-in"\n', "line 1, channel[1]", "url or url_env"),
        (HEAD + 'kind = "stand-in"\nlike = "wecom"\nurl_env = "X"\nper_minute = 30\n', "line 8, channel[1].per_minute", "of 20"),
        ("[[channel]\n", "line 1, column 10", "is not TOML"),
        ("channel = 3\n", "line 1, channel", "must be tables"),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, text: str, where: str, reason: str) -> None:
    """Protects people who write the file: one problem, where it is, in plain words, and never a value that may be a secret."""
    (problem,) = problems_of(tmp_path, text)
    assert (problem.file, problem.where) == ("channels.toml", where)
    assert reason in problem.reason
    assert "t0p-secret" not in str(problem)
    with pytest.raises(ConfigError):
        load_channels(tmp_path)


def test_ids_are_unique(tmp_path: Path) -> None:
    """Protects from two channels under one name."""
    one = HEAD + 'kind = "modem"\npath = "/dev/x"\n'
    assert problems_of(tmp_path, one + one) == [
        Problem("channels.toml", "line 8, channel[2].id", "'a' is the id of another channel too")
    ]


def test_a_ca_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Protects from a traceback where certificates are wanted."""
    text = HEAD + 'kind = "wecom"\ntoken_env = "X"\nca_file = "{folder}/none.pem"\n'
    with pytest.raises(ConfigError) as error:
        open_channels(load_channels(write(tmp_path, text)), env={"X": "x"})
    assert str(error.value) == "channels.toml: line 1, channel[1].ca_file: can not be read: No such file or directory"


@pytest.mark.parametrize(
    ("url", "reason"), [("", "is not set"), ("https://x.cn/", "on this machine"), ("http://[", "on this machine")]
)
def test_a_stand_in_without_its_demo_is_told(tmp_path: Path, url: str, reason: str) -> None:
    """Protects from a demo's messages that leave the machine, or go nowhere."""
    channels = load_channels(write(tmp_path, HEAD + 'kind = "stand-in"\nurl_env = "WHERE"\n'))
    with pytest.raises(ConfigError, match=reason):
        open_channels(channels, env={"WHERE": url})


async def test_the_demo_county_s_channels_reach_its_demo() -> None:
    """Protects the demo: five stand-ins with their vendors' limits, opened by one address."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    channels = check_channels(TAIHE, problems, warnings, env={})
    assert (problems, warnings) == ([], [])
    assert [channel.id for channel in channels] == ["sms", "dingtalk-duty", "wecom-lighting", "feishu-drainage", "mail"]
    assert [channel.limits.per_minute for channel in channels] == [120, 15, 15, 75, 30]
    from aiohttp import web

    async with vendor_server(lambda _: web.json_response(OK["stand-in"])) as phone:
        for channel in open_channels(channels, env={"LAMPWELL_STANDIN_URL": phone.url}).values():
            assert (await channel.send(LETTER)).provider_id == "phone-1"
            await channel.close()
    assert len(phone.asked) == 5


def test_the_examples_in_the_demo_county_are_good(tmp_path: Path) -> None:
    """Protects who copies them: every real kind is there, whole, and is accepted as it stands."""
    lines = (TAIHE / "channels.toml").read_text().partition("真实通道示例")[2].splitlines()[1:]
    problems: list[Problem] = []
    text = "\n".join(re.sub("^# ?", "", line) for line in lines)
    channels = read_channels(write(tmp_path, text), problems)
    assert problems == []
    assert {channel.kind for channel in channels} == set(KINDS) - {"stand-in"}


def test_checking_needs_no_channel_s_library() -> None:
    """Protects `lampwell check` on a small machine: settings are read without HTTP, serial or apprise."""
    code = "import sys, control.messages.settings; print(sorted({'aiohttp', 'serial', 'apprise'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "[]\n"


def test_every_kind_has_a_vendor() -> None:
    """Protects from a kind without limits; a reserve is part of the minute, and the minute within the vendor's."""
    assert set(KINDS) == set(VENDORS)
    for vendor in VENDORS.values():
        assert 0 < vendor.limits.reserve < vendor.limits.per_minute
        assert not vendor.per_minute or vendor.limits.per_minute <= vendor.per_minute
