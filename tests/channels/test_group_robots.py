"""DingTalk, WeCom, Feishu and the stand-in: what they are sent, and what their own codes mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
from typing import Any

import pytest
from aiohttp import web

from control.messages.channels import dingtalk, feishu
from control.messages.port import Outcome
from lampwell.clock import VirtualClock

from .conftest import LETTER, OK, SECRETS, Asked, letter, make, post, vendor_server

CLOCK = VirtualClock(start_ms=1_780_000_200_123)


def _dingtalk(asked: Asked) -> web.Response:
    """As documented: the token, then timestamp within the hour and its signature."""
    stamp, secret = asked.query.get("timestamp", ""), SECRETS["secret"]
    wanted = base64.b64encode(hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()).decode()
    if asked.query.get("access_token") != SECRETS["token"]:
        return web.json_response({"errcode": 300001, "errmsg": "token is not exist"})
    if asked.query.get("sign") != wanted or abs(int(stamp) - CLOCK.now()) > 3_600_000:
        return web.json_response({"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com]"})
    return web.json_response(OK["dingtalk"])


def _feishu(asked: Asked) -> web.Response:
    """As documented: the token in the path; timestamp (s) and secret are the key, the message is empty."""
    body = asked.json()
    key = f"{body.get('timestamp')}\n{SECRETS['secret']}".encode()
    if body.get("sign") != base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode():
        return web.json_response({"code": 19021, "data": {}, "msg": "sign match fail or timestamp is not within one hour"})
    return web.json_response(OK["feishu"])


async def test_dingtalk_takes_the_signed_text_and_the_calls() -> None:
    """Protects the signature and the @: both the list and the numbers in the text."""
    async with vendor_server(_dingtalk) as vendor:
        receipt = await post(make("dingtalk", vendor.url, CLOCK, secret_env="SIGN"))
    assert receipt.outcome is Outcome.SENT, receipt
    body = vendor.asked[0].json()
    assert body["msgtype"] == "text"
    assert body["at"] == {"atMobiles": list(LETTER.mention), "isAtAll": False}
    assert body["text"]["content"].splitlines() == [LETTER.title, LETTER.text, LETTER.link, "@13800138000 @13900139000"]


async def test_dingtalk_refuses_a_wrong_secret() -> None:
    """Protects from a robot that never speaks: a wrong signature breaks the channel, and a wrong token too."""
    async with vendor_server(_dingtalk) as vendor:
        sign = await post(make("dingtalk", vendor.url, CLOCK, {"secret": "SEC-other"}, secret_env="SIGN"))
        token = await post(make("dingtalk", vendor.url, CLOCK, {"token": "other"}))
    assert (sign.outcome, sign.code) == (Outcome.BROKEN, "310000")
    assert (token.outcome, token.code) == (Outcome.BROKEN, "300001")


async def test_dingtalk_markdown_keeps_its_lines() -> None:
    """Protects the second form of message."""
    async with vendor_server(_dingtalk) as vendor:
        await post(make("dingtalk", vendor.url, CLOCK, secret_env="SIGN", markdown=True))
    body = vendor.asked[0].json()
    assert (body["msgtype"], body["markdown"]["title"]) == ("markdown", LETTER.title)
    assert body["markdown"]["text"].startswith(f"{LETTER.title}  \n{LETTER.text}  \n")


@pytest.mark.parametrize(
    ("kind", "secret", "where"),
    [
        ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=abc", "access_token"),
        ("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc", "key"),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/abc", ""),
    ],
)
async def test_the_whole_webhook_may_be_the_secret(kind: str, secret: str, where: str) -> None:
    """Protects people who copy the address as the vendor shows it."""
    async with vendor_server(lambda _: web.json_response(OK[kind])) as vendor:
        receipt = await post(make(kind, vendor.url, secrets={"token": secret}))
    assert receipt.outcome is Outcome.SENT
    assert (vendor.asked[0].query[where] if where else vendor.asked[0].path.rpartition("/")[2]) == "abc"


async def test_wecom_text_stays_within_its_bytes() -> None:
    """Protects from 45002: at most 2,048 bytes, with title and link kept, and phone numbers to call."""
    async with vendor_server(lambda _: web.json_response(OK["wecom"])) as vendor:
        receipt = await post(make("wecom", vendor.url), letter(text="积水" * 900))
    assert receipt.outcome is Outcome.SENT
    text = vendor.asked[0].json()["text"]
    assert vendor.asked[0].query == {"key": SECRETS["token"]}
    assert text["mentioned_mobile_list"] == list(LETTER.mention)
    assert 2_000 < len(text["content"].encode()) <= 2_048
    assert text["content"].startswith(LETTER.title)
    assert text["content"].endswith(f"…\n{LETTER.link}")


async def test_feishu_takes_the_signed_text() -> None:
    """Protects the signature, whose key and message are the other way round than elsewhere."""
    async with vendor_server(_feishu) as vendor:
        good = await post(make("feishu", vendor.url, CLOCK, secret_env="SIGN"))
        bad = await post(make("feishu", vendor.url, CLOCK, {"secret": "other"}, secret_env="SIGN"))
    assert (good.outcome, bad.outcome, bad.code) == (Outcome.SENT, Outcome.BROKEN, "19021")
    body = vendor.asked[0].json()
    assert (body["msg_type"], body["timestamp"]) == ("text", "1780000200")
    assert body["content"]["text"].startswith(LETTER.title)


async def test_feishu_s_older_answer_counts() -> None:
    """Protects from endless repeats where only StatusCode is given."""
    async with vendor_server(lambda _: web.json_response({"Extra": None, "StatusCode": 0, "StatusMessage": "success"})) as vendor:
        assert (await post(make("feishu", vendor.url))).outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("kind", "code", "outcome", "pause"),
    [
        ("dingtalk", 130101, Outcome.RETRY, 600),
        ("dingtalk", 410100, Outcome.RETRY, 600),
        ("dingtalk", 660026, Outcome.RETRY, 600),
        ("dingtalk", -1, Outcome.RETRY, None),
        ("dingtalk", 310000, Outcome.BROKEN, None),
        ("dingtalk", 400013, Outcome.BROKEN, None),
        ("dingtalk", 400102, Outcome.BROKEN, None),
        ("dingtalk", 430102, Outcome.DEAD, None),
        ("wecom", 45009, Outcome.RETRY, 60),
        ("wecom", -1, Outcome.RETRY, None),
        ("wecom", 93000, Outcome.BROKEN, None),
        ("wecom", 40058, Outcome.DEAD, None),
        ("feishu", 11232, Outcome.RETRY, 60),
        ("feishu", 19021, Outcome.BROKEN, None),
        ("feishu", 19022, Outcome.BROKEN, None),
        ("feishu", 19024, Outcome.BROKEN, None),
        ("feishu", 9499, Outcome.DEAD, None),
        ("feishu", 99_999, Outcome.RETRY, None),
        ("stand-in", 7, Outcome.RETRY, None),
    ],
)
async def test_a_refusal_inside_200_is_told_by_its_code(kind: str, code: int, outcome: Outcome, pause: float | None) -> None:
    """Protects from the classic loss: HTTP 200 around a refusal (domain alarms 0, item 2)."""
    body = {"errcode": code, "code": code, "errmsg": "words", "msg": "words"}
    async with vendor_server(lambda _: web.json_response(body)) as vendor:
        receipt = await post(make(kind, vendor.url))
    assert (receipt.outcome, receipt.code, receipt.retry_after_s) == (outcome, str(code), pause)
    assert str(code) in receipt.reason


async def test_dingtalk_s_gate_without_a_code_is_tried_again() -> None:
    """Protects from the answer of the gate in front of DingTalk, which has no errcode at all."""
    gate = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "24ce64f6"}
    async with vendor_server(lambda _: web.json_response(gate)) as vendor:
        assert (await post(make("dingtalk", vendor.url))).outcome is Outcome.RETRY


async def test_the_stand_in_gets_the_whole_letter() -> None:
    """Protects the demo's phone: exactly these fields, and its id back."""
    async with vendor_server(lambda _: web.json_response(OK["stand-in"])) as vendor:
        receipt = await post(make("stand-in", vendor.url))
    assert (receipt.outcome, receipt.provider_id) == (Outcome.SENT, "phone-1")
    wanted: dict[str, Any] = {name: getattr(LETTER, name) for name in ("id", "address", "title", "text", "priority", "link")}
    told = vendor.asked[0].json()
    assert told.pop("channel")
    assert told == wanted


@pytest.mark.parametrize("sign", [dingtalk.sign, feishu.sign])
def test_signatures_agree_with_openssl(sign: Any) -> None:
    """Protects both signatures by another program's HMAC."""
    first = sign is dingtalk.sign
    key, message = ("SEC123", b"1780000200\nSEC123") if first else ("1780000200\nSEC123", b"")
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.encode().hex()}", "-binary"]
    digest = subprocess.run(command, input=message, capture_output=True, check=True).stdout
    assert sign(1780000200, "SEC123") == base64.b64encode(digest).decode()
